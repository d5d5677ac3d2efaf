#include "commands/memory.h"

#include "core/error.h"

namespace diffeo {

void within_memory(const std::string& doing, const std::string& cure,
                   const std::function<void()>& action) {
  std::string asked;
  try {
    return action();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    asked = memory_asked_for(error);
    if (asked.empty()) throw;
  }
  fail(Exit::kMemory, "out of memory ", doing, ": asked for ", asked, "; ", cure);
}

}  // namespace diffeo
