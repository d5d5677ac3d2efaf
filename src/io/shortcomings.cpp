#include "io/shortcomings.h"

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <set>
#include <utility>

#include "core/error.h"
#include "io/descriptor.h"

namespace diffeo {
namespace {

// Of the whole process, because a warning that every file repeats would bury the others.
struct Noted {
  std::mutex mutex;
  std::set<Shortcoming> kinds;
  std::vector<std::string> waiting;
};

Noted& noted() {
  static Noted all;
  return all;
}

struct Meaning {
  const char *operation, *risk;
};

Meaning meaning_of(Shortcoming kind) {
  if (kind == Shortcoming::kLock) {
    return {"lock files",
            "nothing keeps a second process from writing into this run; start only one"};
  }
  return {kind == Shortcoming::kFileSync ? "sync files" : "sync folders",
          "a power cut may lose what was written last, and --resume then takes an older "
          "checkpoint"};
}

}  // namespace

bool is_unsupported(int error_number) {
  return error_number == ENOSYS || error_number == EINVAL || error_number == ENOTSUP ||
         error_number == ENOLCK;
}

void note_shortcoming(Shortcoming kind, const std::filesystem::path& path, int error_number) {
  std::lock_guard guard(noted().mutex);
  if (!noted().kinds.insert(kind).second) return;
  auto [operation, risk] = meaning_of(kind);
  noted().waiting.push_back(joined(path.string(), ": this file system cannot ", operation, " (",
                                   in_words(error_number), "), so ", risk));
}

std::vector<std::string> take_shortcomings() {
  std::lock_guard guard(noted().mutex);
  return std::exchange(noted().waiting, {});
}

}  // namespace diffeo
