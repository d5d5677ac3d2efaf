// Runs the program as a user does.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "io_support.h"

namespace diffeo {

using Words = std::vector<std::string>;

// What a command answered.
struct Answer {
  int exit;         // 128 + N where signal N ended it
  std::string out;  // standard output
  std::string err;  // standard error

  std::string first_line() const { return err.substr(0, err.find('\n')); }  // of standard error
  nlohmann::json json() const { return nlohmann::json::parse(out); }
  Words out_lines() const;
};

// A running command.
class Program {
 public:
  // `folder`: where it runs, and where its output is kept. `out`: another place for standard
  // output.
  Program(const std::filesystem::path& folder, const Words& words, const std::string& out = ".out");

  void signal(int number) const;
  void wait_for_handler(int number) const;              // until the process handles this signal
  void wait_for_output(const std::string& text) const;  // on standard error
  Answer wait() const;

 private:
  std::filesystem::path folder_;
  std::string out_;
  pid_t process_ = 0;
};

// Tests that run commands in a folder of their own, in which paths are relative.
class Commands : public testing::Test {
 protected:
  Answer diffeo(const Words& words) const { return Program(folder_.path(), words).wait(); }
  void write(const std::string& name, const std::string& text) const;
  std::filesystem::path path(const std::string& name) const { return folder_ / name; }

  TemporaryDirectory folder_;
};

// Expects the exit, nothing on standard output, and the message on standard error.
void expect_refused(const Answer& answer, int exit, const std::string& first_line);

}  // namespace diffeo
