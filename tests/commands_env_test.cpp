#include <ATen/ATen.h>

#include "commands/devices.h"
#include "commands/durations.h"
#include "commands/text_table.h"
#include "core/memory.h"
#include "program.h"

namespace diffeo {
namespace {

using CommandEnv = Commands;

TEST_F(CommandEnv, TellsWhatAReportOfAProblemNeeds) {
  Answer answer = diffeo({"env"});
  EXPECT_EQ(answer.exit, 0);
  for (const char* line :
       {"program       diffeo ", "compiled      ", "processors    ", "memory        ",
        "gpus          ", "threads       1; OMP_NUM_THREADS=1, OMP_WAIT_POLICY=passive\n"}) {
    EXPECT_NE(answer.out.find(line), std::string::npos) << line << "\n" << answer.out;
  }
}

TEST(Devices, SayWhatIsWrongWithAName) {
  EXPECT_EQ(device_named("cpu"), c10::Device(c10::kCPU));
  EXPECT_EQ(device_named("auto").is_cpu(), gpu_count() == 0);
  for (const char* text : {"gpu", "cuda:", "cuda:x", "cuda:1x", "cuda:-1", ""}) {
    Complaint complaint = complaint_of([&] { device_named(text); });
    EXPECT_EQ(complaint.message,
              joined("--device: expected auto, cpu, cuda or cuda:NUMBER, found '", text, "'"));
    EXPECT_EQ(complaint.exit, Exit::kUsage);
  }
  std::string message = message_of([] { device_named("cuda:99"); });
  EXPECT_TRUE(message.starts_with("--device cuda:99: not there: ")) << message;
}

TEST(Durations, AreReadInAnyUnits) {
  double seconds = -1;
  EXPECT_EQ(read_duration("2h30m", seconds), "");
  EXPECT_EQ(seconds, 9000);
  EXPECT_EQ(read_duration("90s", seconds), "");
  EXPECT_EQ(seconds, 90);
  EXPECT_EQ(read_duration("1d1s", seconds), "");
  EXPECT_EQ(seconds, 86401);
  for (const char* text :
       {"", "90", "m", "1h1h", "1s1h", "-1s", "0s", "1.5h", "1 h", "99999999999999999999s"}) {
    EXPECT_EQ(read_duration(text, seconds),
              joined("expected a time such as 90s, 45m or 2h30m, found '", text, "'"));
  }
  EXPECT_EQ(seconds, 86401);
}

TEST(Memory, IsNamedWhenItDoesNotSuffice) {
  Complaint complaint = complaint_of([] {
    within_memory("in trying", "cure: ask for less", [] { at::empty({1LL << 50}, at::kByte); });
  });
  EXPECT_EQ(complaint.message, "out of memory in trying: asked for 1125.9 TB; cure: ask for less");
  EXPECT_EQ(complaint.exit, Exit::kMemory);
  complaint =
      complaint_of([] { within_memory("in trying", "no cure", [] { throw std::bad_alloc(); }); });
  EXPECT_EQ(complaint.message, "out of memory in trying: asked for more than there is; no cure");
  EXPECT_THROW(within_memory("in trying", "no cure", [] { throw std::logic_error("other"); }),
               std::logic_error);
  EXPECT_EQ(message_of([] { within_memory("in trying", "no cure", [] { fail("ours"); }); }),
            "ours");
  std::runtime_error on_gpu("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has");
  EXPECT_EQ(memory_asked_for(on_gpu), "2.00 GiB");
}

TEST(TextTable, AlignsTextLeftAndNumbersRight) {
  TextTable table({"name", "what", "count"});
  table.add({"a", "b", "1"});
  table.add({"long name", "", "1,000,000"});
  EXPECT_EQ(table.text(),
            "name       what      count\na          b             1\nlong name        1,000,000\n");
  EXPECT_EQ(grouped_digits(0), "0");
  EXPECT_EQ(grouped_digits(999), "999");
  EXPECT_EQ(grouped_digits(1000), "1,000");
  EXPECT_EQ(grouped_digits(44603604), "44,603,604");
}

}  // namespace
}  // namespace diffeo
