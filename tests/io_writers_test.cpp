// Files that are written part by part are the same as those written at once.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "io/npy.h"
#include "io/safetensors.h"
#include "io_support.h"

namespace diffeo {
namespace {

Tensor outline(const Tensor& tensor) { return at::empty_like(tensor, at::kMeta); }

int64_t files_in(const TemporaryDirectory& directory) {
  return std::distance(std::filesystem::directory_iterator(directory.path()), {});
}

TEST(NpyWriter, WritesTheBytesOfTheWholeArray) {
  TemporaryDirectory directory;
  Tensor all = at::arange(30).view({5, 2, 3}).to(at::kFloat);
  NpyWriter writer(directory / "x.npy", outline(all));
  for (const Tensor& part : all.split(2)) writer.append(part);
  EXPECT_FALSE(std::filesystem::exists(directory / "x.npy")) << "it appears when it is whole";
  writer.commit();
  EXPECT_EQ(read_plainly(directory / "x.npy"), npy_bytes(all));
}

TEST(NpyWriter, LeavesNothingWhereRowsAreMissing) {
  TemporaryDirectory directory;
  std::string place = (directory / "x.npy").string();
  {
    NpyWriter writer(place, at::empty({5, 2}, at::kMeta));
    writer.append(at::zeros({4, 2}));
    EXPECT_EQ(message_of([&] { writer.commit(); }), place + ": 1 rows are missing");
  }
  EXPECT_EQ(files_in(directory), 0);
}

TEST(NpyWriter, RefusesRowsOfAnotherArray) {
  TemporaryDirectory directory;
  std::string place = (directory / "x.npy").string();
  NpyWriter writer(place, at::empty({5, 2}, at::kMeta));
  EXPECT_EQ(message_of([&] { writer.append(at::zeros({1, 3})); }),
            place + ": 1 rows of [3] Float, expected at most 5 of [2] Float");
  EXPECT_EQ(message_of([&] { writer.append(at::zeros({1, 2}, at::kDouble)); }),
            place + ": 1 rows of [2] Double, expected at most 5 of [2] Float");
  EXPECT_EQ(message_of([&] { writer.append(at::zeros({6, 2})); }),
            place + ": 6 rows of [2] Float, expected at most 5 of [2] Float");
}

TEST(SafetensorsWriter, WritesTheBytesOfAllTensorsTogether) {
  TemporaryDirectory directory;
  NamedTensors all{{"labels", at::arange(5)},
                   {"latents", at::arange(10).view({5, 2}).to(at::kFloat)},
                   {"samples", at::arange(60).view({5, 3, 2, 2}).to(at::kByte)}};
  NamedTensors outlines;
  for (const auto& [name, tensor] : all) outlines[name] = outline(tensor);
  Metadata metadata{{"seed", "3"}};
  {
    SafetensorsWriter writer(directory / "x.safetensors", outlines, metadata);
    for (int64_t first = 0; first < 5; first += 2) {
      for (const auto& [name, tensor] : all) {
        writer.append(name, tensor.narrow(0, first, std::min<int64_t>(2, 5 - first)));
      }
    }
    EXPECT_LE(files_in(directory), 1) << "what waits has no name";
    writer.commit();
  }
  EXPECT_EQ(read_plainly(directory / "x.safetensors"), safetensors_bytes(all, metadata));
  EXPECT_EQ(files_in(directory), 1);
}

TEST(SafetensorsWriter, RefusesWhatItWasNotToldOf) {
  TemporaryDirectory directory;
  std::string place = (directory / "x").string();
  SafetensorsWriter writer(place, {{"a", at::empty({2}, at::kMeta)}});
  EXPECT_EQ(message_of([&] { writer.append("b", at::zeros({1})); }), place + ": has no tensor 'b'");
  EXPECT_EQ(message_of([&] { writer.commit(); }), "a: 2 rows are missing");
}

}  // namespace
}  // namespace diffeo
