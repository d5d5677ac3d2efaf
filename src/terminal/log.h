#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "terminal/console.h"

namespace spdlog {
class logger;
}

namespace diffeo {

// What a training says of itself: on the console, and with time stamps in a file once it has one.
class Log {
 public:
  explicit Log(Console& console);

  // Appends from now on. A line that the disk refuses is lost without further ado: the console has
  // it.
  void also_to(const std::filesystem::path& file);

  void info(const std::string& text);
  void warn(const std::string& text);
  void detail(const std::string& text);  // for the file alone

 private:
  std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace diffeo
