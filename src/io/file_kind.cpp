#include "io/file_kind.h"

#include <algorithm>
#include <array>

#include "io/files.h"

namespace diffeo {
namespace {

using namespace std::string_view_literals;

constexpr size_t kEnough = 64;       // bytes that tell the kind
constexpr size_t kLeastOfAText = 4;  // fewer printable bytes may be chance

struct Kind {
  std::string_view start, words;
};

constexpr std::array kKinds{
    Kind{"\x93NUMPY"sv, "an npy file"},
    Kind{"PK\x03\x04"sv,
         "a zip archive, as numpy.savez and torch.save write; save one array with "
         "numpy.save"},
    Kind{"\x1f\x8b"sv, "a gzip file, unpack it first"},
    Kind{"BZh"sv, "a bzip2 file, unpack it first"},
    Kind{"\xfd"
         "7zXZ"sv,
         "an xz file, unpack it first"},
    Kind{"\x28\xb5\x2f\xfd"sv, "a zstd file, unpack it first"},
    Kind{"\x89HDF"sv, "an HDF5 file; convert its data set with numpy.save"},
    Kind{"\x89PNG"sv, "a PNG picture"},
    Kind{"\xff\xd8\xff"sv, "a JPEG picture"},
    Kind{"GIF8"sv, "a GIF picture"},
    Kind{"PAR1"sv, "a Parquet file; convert it with numpy.save"},
    Kind{"MATLAB 5"sv, "a MATLAB file; convert it with numpy.save"},
    Kind{"\x80\x02"sv, "a Python pickle, which is never read"},
    Kind{"\x80\x03"sv, "a Python pickle, which is never read"},
    Kind{"\x80\x04"sv, "a Python pickle, which is never read"},
    Kind{"\x80\x05"sv, "a Python pickle, which is never read"},
    Kind{"\0\0\x08\x01"sv, "an IDX file"},
    Kind{"\0\0\x08\x03"sv, "an IDX file"},
    Kind{"<!DOCTYPE"sv, "a web page, perhaps of a download that failed"},
    Kind{"<!doctype"sv, "a web page, perhaps of a download that failed"},
    Kind{"<html"sv, "a web page, perhaps of a download that failed"},
    Kind{"version https://git-lfs"sv, "a pointer of Git LFS; fetch the file with git lfs pull"}};

bool is_text(std::string_view bytes) {
  auto is_printable = [](unsigned char c) { return (c >= ' ' && c != 127) || (c >= 9 && c <= 13); };
  return bytes.size() >= kLeastOfAText && std::all_of(bytes.begin(), bytes.end(), is_printable);
}

}  // namespace

std::string actual_kind(std::string_view first_bytes) {
  for (const Kind& kind : kKinds) {
    if (first_bytes.starts_with(kind.start)) return "; it is " + std::string(kind.words);
  }
  return is_text(first_bytes.substr(0, kEnough)) ? "; it is a text file" : "";
}

std::string actual_kind(Input& in, std::string start) {
  try {
    while (start.size() < kEnough && in.remaining() > 0) start += in.read_text(1, "the start");
  } catch (const Error&) {
    // What could be read may tell enough.
  }
  return actual_kind(start);
}

}  // namespace diffeo
