#include "io/descriptor.h"

#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace diffeo {

Descriptor::~Descriptor() {
  if (is_open()) ::close(number_);
}

std::string in_words(int error_number) {
  switch (error_number) {
    case ENOSPC: return "the disk is full";
    case EDQUOT: return "the disk quota is used up";
    case EFBIG: return "the file would be larger than the system allows";
    case EROFS: return "the file system is read-only";
    case EACCES:
    case EPERM: return "permission denied";
    case ENOENT: return "no such file or directory";
    case ENAMETOOLONG: return "the name is too long";
    case ENOTDIR: return "a part of the path is not a directory";
    case EISDIR: return "it is a directory";
    case EEXIST:
    case ENOTEMPTY: return "it exists already";
    case EIO: return "the device reports an input/output error";
    default: return std::generic_category().message(error_number);
  }
}

}  // namespace diffeo
