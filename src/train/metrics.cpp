#include "train/metrics.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "io/durable.h"
#include "io/files.h"

namespace diffeo {
namespace {

constexpr uint64_t kMaxMetrics = uint64_t{4} << 30;

bool stays(const std::string& line, int64_t step) {
  nlohmann::json value = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  return value.is_object() && value.contains("step") && value["step"].is_number_integer() && value["step"] <= step &&
         !value.value("final", false);
}

// The lines that a run which continues from `step` would have written.
std::string lines_up_to(const std::string& all, int64_t step) {
  std::string kept;
  size_t begin = 0;
  for (size_t end; (end = all.find('\n', begin)) != std::string::npos; begin = end + 1) {
    std::string line = all.substr(begin, end - begin);
    if (stays(line, step)) kept += line + "\n";
  }
  return kept;
}

bool is_filled(const std::filesystem::path& path) {
  std::error_code error;
  uint64_t size = std::filesystem::file_size(path, error);
  return !error && size > 0;
}

}  // namespace

Metrics::Metrics(std::filesystem::path path, std::optional<int64_t> step) : path_(std::move(path)) {
  if (is_filled(path_)) {
    write_durably(path_, step ? lines_up_to(read_file(path_, kMaxMetrics, Exit::kFailed), *step) : "");
  }
  file_ = Descriptor(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  if (!file_.is_open()) fail(path_.string(), ": cannot be written: ", in_words(errno));
}

int Metrics::write_waiting() {
  while (!waiting_.empty()) {
    ssize_t put = ::write(file_.get(), waiting_.data(), waiting_.size());
    if (put < 0 && errno != EINTR) return errno;
    if (put > 0) waiting_.erase(0, static_cast<size_t>(put));
  }
  return 0;
}

void Metrics::add(const nlohmann::json& line) {
  waiting_ += line.dump() + "\n";
  write_waiting();
}

void Metrics::sync() {
  int error = write_waiting();
  if (error == 0 && ::fsync(file_.get()) != 0 && errno != EINVAL) error = errno;
  if (error != 0) fail(path_.string(), ": cannot be written: ", in_words(error));
}

}  // namespace diffeo
