#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "commands/build.h"
#include "commands/commands.h"
#include "commands/devices.h"
#include "commands/shipped_configs.h"
#include "core/error.h"
#include "core/memory.h"

namespace diffeo {
namespace {

void print_fact(const std::string& key, const std::string& value) {
  std::cout << key << std::string(key.size() < 14 ? 14 - key.size() : 1, ' ') << value << "\n";
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return joined(name, value ? "=" : " not set", value ? value : "");
}

std::string memory_text() {
  double page = static_cast<double>(sysconf(_SC_PAGESIZE));
  return joined(bytes_text(page * static_cast<double>(sysconf(_SC_PHYS_PAGES))), ", of which ",
                bytes_text(page * static_cast<double>(sysconf(_SC_AVPHYS_PAGES))), " free");
}

std::string gpus_text() {
  if (gpu_count() == 0) return "none: " + why_no_gpu();
  return gpu_count() == 1 ? "cuda:0" : joined("cuda:0 to cuda:", gpu_count() - 1);
}

}  // namespace

void env_command(const Words& words) {
  CommandLine line("diffeo env", "Prints what a report of a problem should contain.", "diffeo env");
  if (!line.parse(words)) return;
  print_fact("program", version_line());
  print_fact("compiled", build_flags());
  print_fact("configs", joined(shipped_configs().size(), " shipped"));
  print_fact("processors",
             joined(sysconf(_SC_NPROCESSORS_ONLN), ", LibTorch uses ", at::get_cpu_capability()));
  print_fact("threads", joined(at::get_num_threads(), "; ", variable("OMP_NUM_THREADS"), ", ",
                               variable("OMP_WAIT_POLICY")));
  print_fact("memory", memory_text());
  print_fact("gpus", gpus_text());
  std::cout << "\nLibTorch: " << at::show_config();
}

}  // namespace diffeo
