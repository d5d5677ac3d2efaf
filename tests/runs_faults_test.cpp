// Disks that refuse, call by call: whatever fails, and however, a whole checkpoint is left.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "faults.h"
#include "io/durable.h"
#include "io/run_lock.h"
#include "io/shortcomings.h"
#include "runs/saver.h"
#include "train_support.h"

namespace diffeo {
namespace {

Checkpoint filled_checkpoint(int64_t step, double value) {
  Checkpoint checkpoint;
  checkpoint.state.step = step;
  checkpoint.config = "seed: 3\n";
  checkpoint.weights = {{"flow.w", at::full({3}, value)}};
  checkpoint.optimizer = {{"m.flow.w", at::full({3}, value)}};
  return checkpoint;
}

const Warn kAnyWarning = [](const std::string&) {};

// The value of the newest whole checkpoint; weights and moments must be of one save.
double newest_value(const CheckpointStore& store) {
  Checkpoint found = read_checkpoint(store.latest(kAnyWarning).value());
  EXPECT_TRUE(at::equal(found.weights.at("flow.w"), found.optimizer.at("m.flow.w")));
  return found.weights.at("flow.w")[0].item<double>();
}

std::string text_of(const Fault& fault) {
  return joined(fault.call, " number ", fault.at, fault.from_then_on ? " and all after" : "",
                ", error ", fault.error_number,
                fault.can_exchange ? "" : ", names cannot be exchanged");
}

// Saves value 2 over value 1 while the disk fails, and returns whether it did fail. `step`: of the
// new checkpoint; the old one is of step 4.
bool survives(const Fault& fault, int64_t step) {
  TemporaryDirectory directory;
  CheckpointStore store(directory.path());
  {
    FaultyDisk works({});
    store.save(filled_checkpoint(4, 1), 1);
  }
  bool is_saved = true, struck = false;
  {
    FaultyDisk disk(fault);
    try {
      store.save(filled_checkpoint(step, 2), 1);
    } catch (const Error&) {
      is_saved = false;
    }
    struck = disk.struck();
  }
  // A disk that refuses for good can leave the old checkpoint set aside until the next start.
  if (fault.from_then_on) remove_leftovers(directory.path());
  double value = newest_value(store);
  EXPECT_TRUE(is_saved ? value == 2 : value == 1 || value == 2) << text_of(fault);
  remove_leftovers(directory.path());
  EXPECT_EQ(newest_value(store), value) << text_of(fault);
  FaultyDisk works({});
  store.save(filled_checkpoint(step, 3), 1);
  EXPECT_EQ(newest_value(store), 3) << text_of(fault);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory.path()), {}), 2)
      << "the newest checkpoint and `latest`: " << text_of(fault);
  return struck;
}

TEST(DiskFaults, NeverCostAGoodCheckpoint) {
  const std::vector<std::pair<std::string, std::vector<int>>> refusals{
      {"open", {EIO, EMFILE, ENOSPC}},
      {"write", {EIO, ENOSPC, EDQUOT}},
      {"fsync", {EIO, ENOSPC, EDQUOT}},
      {"sync_folder", {EIO, ENOSPC}},
      {"close", {EIO, EDQUOT}},
      {"mkdir", {ENOSPC, EROFS}},
      {"rename", {EIO, ENOSPC, EROFS}},
      {"unlink", {EIO, EACCES}},
      {"exchange", {EIO, ENOSPC, EROFS, ENOSYS, EINVAL}}};
  for (const auto& [call, error_numbers] : refusals) {
    int struck = 0;
    for (int error_number : error_numbers) {
      for (int kind = 0; kind < 8; ++kind) {
        Fault fault{call, error_number, 0, (kind & 1) != 0, (kind & 2) == 0};
        while (survives(fault, kind & 4 ? 5 : 4)) ++fault.at, ++struck;
      }
    }
    EXPECT_GT(struck, 0) << call << " is never called";
  }
}

TEST(DiskFaults, InRemovingAnOldCheckpointLeaveTheNewOneSaved) {
  TemporaryDirectory directory;
  CheckpointStore store(directory.path());
  EXPECT_EQ(store.save(filled_checkpoint(4, 1), 1), std::vector<std::string>{});
  FaultyDisk disk({"unlink", EACCES, 0, true});
  ConsoleText text;
  Log log(text.console());
  Metrics metrics(directory / "metrics.jsonl", 0);
  EXPECT_TRUE(Saver(store, 1, log).save(filled_checkpoint(5, 2), metrics));
  EXPECT_NE(text.text().find("warning: an old checkpoint stays where it is: "), std::string::npos)
      << text.text();
  EXPECT_EQ(text.text().find("could not be saved"), std::string::npos) << text.text();
  EXPECT_EQ(newest_value(store), 2);
}

TEST(DiskFaults, SayWhatWasRefused) {
  TemporaryDirectory directory;
  std::filesystem::path step = directory / "step_00000004";
  write_checkpoint(step, filled_checkpoint(4, 1));
  FaultyDisk disk({"exchange", EIO});
  EXPECT_EQ(message_of([&] { write_checkpoint(step, filled_checkpoint(4, 2)); }),
            step.string() + ": cannot be replaced: the device reports an input/output error");
}

// A process that ends between the two renames of a file system that cannot exchange names.
TEST(RemoveLeftovers, BringsBackWhatWasSetAside) {
  TemporaryDirectory directory;
  std::filesystem::create_directory(directory / ".old-step_00000004");
  write_plainly(directory / ".old-step_00000004/a", "old");
  write_plainly(directory / ".old-done", "old");
  write_plainly(directory / "done", "new");
  remove_leftovers(directory.path());
  EXPECT_EQ(read_plainly(directory / "step_00000004/a"), "old");
  EXPECT_EQ(read_plainly(directory / "done"), "new");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory.path()), {}), 2);
}

// ---- file systems that cannot do all of it ----

TEST(Shortcomings, CostOneWarningOfEachKindAndNothingElse) {
  TemporaryDirectory directory;
  take_shortcomings();
  std::string place = directory.path().string();
  std::vector<std::string> warnings;
  for (int error_number : {ENOSYS, EINVAL, EOPNOTSUPP}) {
    for (const char* call : {"fsync", "sync_folder", "flock"}) {
      FaultyDisk disk({call, error_number, 0, true});
      RunLock lock(directory.path());
      write_checkpoint(directory / "step_00000004", filled_checkpoint(4, 1));
      for (const std::string& warning : take_shortcomings()) warnings.push_back(warning);
    }
  }
  read_checkpoint(directory / "step_00000004");
  ASSERT_EQ(warnings.size(), 3u);
  EXPECT_TRUE(warnings[0].starts_with(place)) << warnings[0];
  EXPECT_NE(warnings[0].find(": this file system cannot sync files (Function not implemented), so "
                             "a power cut may lose what was written last, and --resume then takes "
                             "an older checkpoint"),
            std::string::npos)
      << warnings[0];
  EXPECT_NE(warnings[1].find(": this file system cannot sync folders ("), std::string::npos);
  EXPECT_EQ(warnings[2],
            place +
                "/.lock: this file system cannot lock files (Function not implemented), so "
                "nothing keeps a second process from writing into this run; start only one");
}

TEST(Shortcomings, AreNoRefusals) {
  for (int error_number : {ENOSYS, EINVAL, ENOTSUP, ENOLCK})
    EXPECT_TRUE(is_unsupported(error_number));
  for (int error_number : {EIO, ENOSPC, EDQUOT, EROFS, EACCES, EWOULDBLOCK})
    EXPECT_FALSE(is_unsupported(error_number));
}

}  // namespace
}  // namespace diffeo
