#include "runs/metrics.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "io/durable.h"
#include "io/files.h"
#include "io/json.h"

namespace diffeo {
namespace {

constexpr uint64_t kMaxMetrics = uint64_t{4} << 30;

std::string first_lines(const std::string& all, int64_t count) {
  size_t end = 0;
  for (int64_t line = 0; line < count; ++line) {
    size_t next = all.find('\n', end);
    if (next == std::string::npos) break;
    end = next + 1;
  }
  return all.substr(0, end);
}

bool is_filled(const std::filesystem::path& path) {
  std::error_code error;
  uint64_t size = std::filesystem::file_size(path, error);
  return !error && size > 0;
}

}  // namespace

Metrics::Metrics(std::filesystem::path path, int64_t lines) : path_(std::move(path)) {
  if (is_filled(path_)) {
    std::string kept = first_lines(read_file(path_, kMaxMetrics, Exit::kFailed), lines);
    lines_ = std::count(kept.begin(), kept.end(), '\n');
    write_durably(path_, kept);
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
  waiting_ += json_text(line) + "\n";
  ++lines_;
  write_waiting();
}

void Metrics::sync() {
  int error = write_waiting();
  if (error != 0) fail(path_.string(), ": cannot be written: ", in_words(error));
  sync_file(file_.get(), path_);
}

}  // namespace diffeo
