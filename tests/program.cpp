#include "program.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include <chrono>
#include <thread>

extern char** environ;

namespace diffeo {
namespace {

constexpr const char* kErr = ".err";

std::vector<char*> pointers(Words& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

// One thread that does not spin: tests run beside each other.
Words environment() {
  Words all{"OMP_NUM_THREADS=1", "OMP_WAIT_POLICY=passive"};
  for (char** entry = environ; *entry; ++entry) {
    if (!std::string(*entry).starts_with("OMP_")) all.push_back(*entry);
  }
  return all;
}

}  // namespace

Program::Program(const std::filesystem::path& folder, const Words& words, const std::string& out)
    : folder_(folder), out_(out) {
  Words arguments{DIFFEO_PROGRAM}, variables = environment();
  arguments.insert(arguments.end(), words.begin(), words.end());
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_addopen(&actions, 2, kErr, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  int error = posix_spawn(&process_, DIFFEO_PROGRAM, &actions, nullptr, pointers(arguments).data(),
                          pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error(DIFFEO_PROGRAM ": cannot be started");
}

void Program::signal(int number) const { kill(process_, number); }

// "SigCgt:" in /proc/PID/status: a mask in hexadecimal digits, signal 1 the lowest bit.
void Program::wait_for_handler(int number) const {
  std::string file = "/proc/" + std::to_string(process_) + "/status";
  for (int i = 0; i < 60000; ++i) {
    std::string status = read_plainly(file);
    size_t at = status.find("SigCgt:");
    if (at == std::string::npos) break;
    if (std::stoull(status.substr(at + 7), nullptr, 16) >> (number - 1) & 1) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ADD_FAILURE() << "never handled signal " << number;
}

void Program::wait_for_output(const std::string& text) const {
  for (int i = 0; i < 600; ++i) {
    if (read_plainly(folder_ / kErr).find(text) != std::string::npos) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  ADD_FAILURE() << "never said: " << text << "\n" << read_plainly(folder_ / kErr);
}

Answer Program::wait() const {
  int status = 0;
  waitpid(process_, &status, 0);
  int exit = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  bool is_file = std::filesystem::is_regular_file(folder_ / out_);
  return {exit, is_file ? read_plainly(folder_ / out_) : "", read_plainly(folder_ / kErr)};
}

void Commands::write(const std::string& name, const std::string& text) const {
  write_plainly(folder_ / name, text);
}

void expect_refused(const Answer& answer, int exit, const std::string& first_line) {
  EXPECT_EQ(answer.exit, exit) << answer.err;
  EXPECT_EQ(answer.first_line(), first_line);
  EXPECT_EQ(answer.out, "");
}

}  // namespace diffeo
