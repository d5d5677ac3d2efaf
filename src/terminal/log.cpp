#include "terminal/log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/basic_file_sink.h>

#include "core/error.h"

namespace diffeo {
namespace {

class ConsoleSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit ConsoleSink(Console& console) : console_(console) { set_level(spdlog::level::info); }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    std::string text(message.payload.data(), message.payload.size());
    message.level >= spdlog::level::warn ? console_.warning(text) : console_.line(text);
  }
  void flush_() override {}

  Console& console_;
};

}  // namespace

Log::Log(Console& console)
    : logger_(std::make_shared<spdlog::logger>("diffeo", std::make_shared<ConsoleSink>(console))) {
  logger_->set_level(spdlog::level::debug);
  logger_->flush_on(spdlog::level::debug);
  logger_->set_error_handler([](const std::string&) {});
}

void Log::also_to(const std::filesystem::path& file) {
  try {
    auto sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(file.string());
    sink->set_pattern("%Y-%m-%d %H:%M:%S %l: %v");
    logger_->sinks().push_back(sink);
  } catch (const spdlog::spdlog_ex& error) {
    fail(file.string(), ": cannot be written: ", error.what());
  }
}

void Log::info(const std::string& text) { logger_->info("{}", text); }
void Log::warn(const std::string& text) { logger_->warn("{}", text); }
void Log::detail(const std::string& text) { logger_->debug("{}", text); }

}  // namespace diffeo
