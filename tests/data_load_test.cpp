// Data sources from their files: what is read, and what is refused.

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "data/data.h"
#include "io/npy.h"
#include "io_support.h"

namespace diffeo {
namespace {

namespace fs = std::filesystem;

class LoadData : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return (directory_ / name).string(); }
  std::string folder() const { return directory_.path().string(); }

  void write(const std::string& name, const std::string& bytes) const {
    std::ofstream(path(name), std::ios::binary) << bytes;
  }

  void npy(const std::string& name, const Tensor& array) const { save_npy(path(name), array); }

  // uint8 in IDX layout.
  void idx(const std::string& name, const Tensor& array) const { write(name, idx_bytes(array)); }

  static std::string idx_bytes(const Tensor& array) {
    std::string bytes{0, 0, 8, static_cast<char>(array.dim())};
    for (int64_t size : array.sizes()) {
      for (int shift : {24, 16, 8, 0}) bytes += static_cast<char>(size >> shift & 255);
    }
    Tensor flat = array.to(at::kByte).contiguous();
    return bytes.append(reinterpret_cast<const char*>(flat.const_data_ptr<uint8_t>()),
                        flat.numel());
  }

  // `count` images of 2 x 3, image n filled with n; labels n % 10.
  void idx_pair(const std::string& start, int64_t count) const {
    idx(start + "-images-idx3-ubyte", at::arange(count).view({-1, 1, 1}).expand({count, 2, 3}));
    idx(start + "-labels-idx1-ubyte", at::arange(count) % 10);
  }

  void cifar(const std::string& name, int64_t count) const {
    std::string bytes;
    for (int64_t i = 0; i < count; ++i) {
      bytes += static_cast<char>(i % 10);
      for (char colour : {1, 2, 3}) bytes.append(1024, colour);
    }
    write(name, bytes);
  }

  TemporaryDirectory directory_;
};

std::string refusal(const DataConfig& config) {
  Complaint complaint = complaint_of([&] { load_data(config, 1); });
  EXPECT_EQ(complaint.exit, Exit::kData);
  return complaint.message;
}

TEST_F(LoadData, ReadsIdxFoldersPlainOrPacked) {
  idx_pair("train", 20);
  idx_pair("t10k", 5);
  gzFile packed = gzopen(path("t10k-images-idx3-ubyte.gz").c_str(), "wb");
  std::string bytes = idx_bytes(at::full({5, 2, 3}, 7));
  gzwrite(packed, bytes.data(), bytes.size());
  gzclose(packed);
  fs::remove(path("t10k-images-idx3-ubyte"));

  Data data = load_data(IdxConfig{.path = folder(), .shape = {1, 2, 3}}, 1);
  const Dataset &train = data.split("train"), &test = data.split("test");
  EXPECT_EQ(train.examples.dtype(), at::kByte);
  EXPECT_EQ(train.examples.sizes(), (std::vector<int64_t>{20, 1, 2, 3}));
  EXPECT_TRUE(at::equal(train.examples.select(1, 0).select(1, 1).select(1, 2).to(at::kLong) % 10,
                        train.labels));
  EXPECT_TRUE(at::equal(test.examples, at::full({5, 1, 2, 3}, 7, at::kByte)));
  EXPECT_EQ(data.held_out(), "test");
  EXPECT_EQ(data.density, nullptr);
}

TEST_F(LoadData, ReadsAnIdxFileAndWhatItsNameLeadsTo) {
  idx_pair("emnist-train", 20);
  idx_pair("emnist-test", 4);
  IdxConfig config{.path = path("emnist-train-images-idx3-ubyte"), .shape = {1, 2, 3}};
  EXPECT_EQ(load_data(config, 1).split("test").size(), 4);
  config.classes = 0;
  EXPECT_FALSE(load_data(config, 1).split("train").labels.defined());
}

TEST_F(LoadData, PadsImagesWithZeros) {
  idx_pair("train", 3);
  idx_pair("t10k", 3);
  DataConfig config = IdxConfig{.path = folder(), .shape = {1, 2, 3}, .pad = 2};
  Tensor image = load_data(config, 1).split("train").examples[2][0];
  EXPECT_EQ(image.sizes(), (std::vector<int64_t>{6, 7}));
  EXPECT_TRUE((image.narrow(0, 2, 2).narrow(1, 2, 3) == 2).all().item<bool>());
  EXPECT_EQ(image.sum().item<int64_t>(), 12);
}

TEST_F(LoadData, CutsAValidationSetThatTrainingWatchesAndNeverSees) {
  idx_pair("train", 20);
  idx_pair("t10k", 5);
  DataConfig config = IdxConfig{.path = folder(), .shape = {1, 2, 3}, .validation = 0.25};
  Data data = load_data(config, 3);
  EXPECT_EQ(data.held_out(), "validation");
  EXPECT_EQ(data.split("validation").size(), 5);
  Tensor seen = data.training->at(0, 15).x.flatten(1).select(1, 0);
  Tensor held = data.split("validation").examples.flatten(1).select(1, 0).to(at::kFloat);
  EXPECT_TRUE(at::equal(std::get<0>(at::cat({seen, held}).sort()), at::arange(20, at::kFloat)));
  EXPECT_TRUE(at::equal(load_data(config, 3).split("validation").examples,
                        data.split("validation").examples));
}

TEST_F(LoadData, RefusesIdxFilesThatDoNotFit) {
  IdxConfig config{.path = folder(), .shape = {1, 2, 3}};
  EXPECT_EQ(refusal(IdxConfig{.path = path("nowhere")}),
            path("nowhere") + ": no such file or folder");
  EXPECT_EQ(refusal(config), folder() +
                                 ": holds no training images: neither train-images-idx3-ubyte nor "
                                 "train-images-idx3-ubyte.gz");
  idx_pair("train", 20);
  EXPECT_EQ(refusal(config), path("train-images-idx3-ubyte") +
                                 ": there are no test images (t10k-images-idx3-ubyte) "
                                 "beside it; put them there or set data.validation");
  idx_pair("t10k", 5);
  fs::remove(path("t10k-labels-idx1-ubyte"));
  EXPECT_EQ(refusal(config), folder() +
                                 ": holds no labels: neither t10k-labels-idx1-ubyte nor "
                                 "t10k-labels-idx1-ubyte.gz");
  idx("t10k-labels-idx1-ubyte", at::arange(4));
  EXPECT_EQ(refusal(config), path("t10k-labels-idx1-ubyte") + ": holds 4 labels for 5 examples");
  idx("t10k-labels-idx1-ubyte", at::tensor({0, 9, 3, 10, 1}));
  EXPECT_EQ(refusal(config),
            path("t10k-labels-idx1-ubyte") + ": example 3 has the label 10, expected 0 to 9");
  config.shape = {1, 28, 28};
  EXPECT_EQ(refusal(config),
            path("train-images-idx3-ubyte") +
                ": holds examples of shape [1, 2, 3], but data.shape is [1, 28, 28]");
  idx("train-images-idx3-ubyte", at::arange(5));
  EXPECT_EQ(refusal(config),
            path("train-images-idx3-ubyte") +
                ": holds Byte of shape [5], expected images [N, height, width] of bytes");
}

TEST_F(LoadData, ReadsCifarInFiveBatchesOrOneFile) {
  for (int i = 1; i <= 5; ++i) cifar("data_batch_" + std::to_string(i) + ".bin", 4);
  cifar("test_batch.bin", 3);
  Data data = load_data(Cifar10Config{.path = folder()}, 1);
  EXPECT_EQ(data.split("train").examples.sizes(), (std::vector<int64_t>{20, 3, 32, 32}));
  EXPECT_TRUE((data.split("test").examples.select(1, 2) == 3).all().item<bool>());
  EXPECT_TRUE(at::equal(data.split("test").labels, at::arange(3)));

  fs::remove(path("data_batch_3.bin"));
  EXPECT_EQ(refusal(Cifar10Config{.path = folder()}),
            folder() + ": holds 4 of the 5 files data_batch_1.bin … data_batch_5.bin");
  for (int i = 1; i <= 5; ++i) fs::remove(path("data_batch_" + std::to_string(i) + ".bin"));
  cifar("train.bin", 7);
  EXPECT_EQ(load_data(Cifar10Config{.path = folder()}, 1).split("train").size(), 7);
}

TEST_F(LoadData, ReadsNpyVectorsAndCutsTheirTestSet) {
  Tensor x = at::arange(40, at::kDouble).view({20, 2});
  npy("x.npy", x);
  Data data = load_data(NpyConfig{.path = path("x.npy"), .test_fraction = 0.2, .shape = {2}}, 1);
  Tensor all = at::cat({data.split("train").examples, data.split("test").examples});
  EXPECT_EQ(data.split("test").size(), 4);
  EXPECT_EQ(all.dtype(), at::kFloat);
  EXPECT_TRUE(at::equal(std::get<0>(all.sort(0)), x.to(at::kFloat)));
}

TEST_F(LoadData, ReadsNpyImagesWithLabels) {
  Tensor images = (at::arange(6 * 4 * 5 * 3) % 256).to(at::kByte).view({6, 4, 5, 3});
  npy("x.npy", images);
  npy("t.npy", images.narrow(0, 0, 2));
  npy("y.npy", at::arange(6, at::kInt));
  npy("z.npy", at::arange(2));
  NpyConfig config{.path = path("x.npy"), .test = path("t.npy"), .shape = {3, 4, 5}};
  config.labels = path("y.npy");
  config.test_labels = path("z.npy");
  config.classes = 6;
  Data data = load_data(config, 1);
  EXPECT_TRUE(at::equal(data.split("train").examples, images.permute({0, 3, 1, 2})));
  EXPECT_TRUE(at::equal(data.split("train").labels, at::arange(6)));
  npy("grey.npy", images.select(3, 0).contiguous());
  Data grey =
      load_data(NpyConfig{.path = path("grey.npy"), .test_fraction = 0.5, .shape = {1, 4, 5}}, 1);
  EXPECT_EQ(grey.split("train").shape(), (Shape{1, 4, 5}));
}

TEST_F(LoadData, RefusesNpyFilesThatDoNotFit) {
  NpyConfig config{.path = path("x.npy"), .test_fraction = 0.5, .shape = {2}};
  npy("x.npy", at::zeros({4, 3}));
  EXPECT_EQ(refusal(config),
            path("x.npy") + ": holds examples of shape [3], but data.shape is [2]");
  npy("x.npy", at::zeros({4, 2}, at::kLong));
  EXPECT_EQ(refusal(config),
            path("x.npy") + ": holds Long of shape [4, 2], expected vectors [N, D] of floats");
  npy("x.npy", at::zeros({0, 2}));
  EXPECT_EQ(refusal(config), path("x.npy") + ": holds no examples");
  Tensor x = at::zeros({4, 2}, at::kDouble);
  x[2][1] = 1e300;
  npy("x.npy", x);
  EXPECT_EQ(refusal(config),
            path("x.npy") +
                ": example 2, number 1 is 1e+300, expected a finite number in single precision");
  x[2][1] = std::nan("");
  npy("x.npy", x);
  EXPECT_EQ(refusal(config), path("x.npy") + ": element [2, 1] is nan, expected finite numbers");
  config.shape = {3, 4, 5};
  npy("x.npy", at::zeros({4, 3, 4, 5}));
  EXPECT_EQ(refusal(config),
            path("x.npy") +
                ": holds Float of shape [4, 3, 4, 5], expected images [N, H, W] or "
                "[N, H, W, C] of uint8");
  npy("x.npy", at::zeros({4, 3, 4, 5}, at::kByte));
  EXPECT_EQ(refusal(config),
            path("x.npy") + ": holds examples of shape [5, 3, 4], but data.shape is [3, 4, 5]");
  npy("x.npy", at::zeros({4, 4, 5, 3}, at::kByte));
  npy("y.npy", at::zeros({4}));
  config.labels = path("y.npy");
  config.classes = 2;
  EXPECT_EQ(refusal(config),
            path("y.npy") + ": holds Float of shape [4], expected integer labels [N]");
  npy("y.npy", at::tensor({0, 1, -1, 0}));
  EXPECT_EQ(refusal(config), path("y.npy") + ": example 2 has the label -1, expected 0 to 1");
}

TEST_F(LoadData, RefusesDoublesThatSinglePrecisionCannotHoldApart) {
  NpyConfig config{.path = path("x.npy"), .test_fraction = 0.5, .shape = {2}};
  Tensor x = at::arange(40, at::kDouble).view({20, 2});
  x.select(1, 1).add_(1e9);
  npy("x.npy", x);
  EXPECT_EQ(refusal(config),
            path("x.npy") +
                ": column 1 goes from 1000000001 to 1000000039, where numbers of single "
                "precision, in which flows compute, are 64 apart, so that values which differ "
                "would become equal; set data.standardise: true, which takes columns in double "
                "precision, or save the file as float32 if that is meant");
  npy("x.npy", x.to(at::kFloat));
  EXPECT_EQ(load_data(config, 1).split("train").size(), 10);
}

TEST_F(LoadData, ReadsEveryNpyTypeRightOrRefusesItByName) {
  NpyConfig vectors{.path = path("x.npy"), .test_fraction = 0.5, .shape = {3}},
      images{.path = path("x.npy"), .test_fraction = 0.5, .shape = {1, 2, 2}};
  Tensor numbers = at::arange(12, at::kFloat).view({4, 3});
  for (at::ScalarType type : {at::kHalf, at::kFloat, at::kDouble}) {
    npy("x.npy", numbers.to(type));
    Data data = load_data(vectors, 1);
    Tensor all = at::cat({data.split("train").examples, data.split("test").examples});
    EXPECT_TRUE(at::equal(std::get<0>(all.sort(0)), numbers)) << type;
  }
  const std::vector<std::pair<at::ScalarType, std::string>> others = {
      {at::kBool, "Bool"},     {at::kChar, "Char"},     {at::kShort, "Short"},
      {at::kInt, "Int"},       {at::kLong, "Long"},     {at::kUInt16, "UInt16"},
      {at::kUInt32, "UInt32"}, {at::kUInt64, "UInt64"}, {at::kFloat, "Float"}};
  for (const auto& [type, name] : others) {
    npy("x.npy", at::zeros({4, 2, 2}).to(type));
    EXPECT_EQ(refusal(images), path("x.npy") + ": holds " + name +
                                   " of shape [4, 2, 2], expected images [N, H, W] or [N, H, W, C] "
                                   "of uint8");
    if (type == at::kFloat) continue;
    npy("x.npy", at::zeros({4, 3}).to(type));
    EXPECT_EQ(refusal(vectors), path("x.npy") + ": holds " + name +
                                    " of shape [4, 3], expected vectors [N, D] of floats");
  }
  npy("x.npy", at::zeros({4, 3}));
  std::string bytes = read_plainly(path("x.npy"));
  for (const std::string descr : {"<c8", ">f4", "<g8", "|O8"}) {
    std::string changed = bytes;
    write("x.npy", changed.replace(bytes.find("<f4"), 3, descr));
    EXPECT_NE(refusal(vectors).find(": dtype '" + descr + "', expected a "), std::string::npos);
  }
}

TEST(LoadSyntheticData, HoldsOutATestSetAndKnowsTheDensity) {
  DataConfig config = SyntheticConfig{.density = DensityKind::kFunnel, .evaluation_examples = 1000};
  Data data = load_data(config, 1), again = load_data(config, 1), other = load_data(config, 2);
  EXPECT_EQ(data.held_out(), "test");
  EXPECT_EQ(data.split("test").examples.sizes(), (std::vector<int64_t>{1000, 2}));
  EXPECT_TRUE(at::equal(data.split("test").examples, again.split("test").examples));
  EXPECT_FALSE(at::equal(data.split("test").examples, other.split("test").examples));
  EXPECT_FALSE(
      at::equal(data.split("test").examples.narrow(0, 0, 1000), data.training->at(0, 1000).x));
  EXPECT_NEAR(data.density->entropy(), 3.24334217451751, 1e-9);
}

TEST(LoadSyntheticData, HasNoOtherSplits) {
  Data data = load_data(SyntheticConfig{.evaluation_examples = 10}, 1);
  Complaint complaint = complaint_of([&] { data.split("train"); });
  EXPECT_EQ(complaint.exit, Exit::kUsage);
  EXPECT_EQ(complaint.message, "no split is called train; there are: test");
}

TEST(LoadDebianPackage, FindsFashionMnist) {
  if (!fs::exists("/usr/share/datasets/fashion-mnist"))
    GTEST_SKIP() << "the package dataset-fashion-mnist is missing";
  Data data = load_data(IdxConfig{}, 0);
  EXPECT_EQ(data.split("train").examples.sizes(), (std::vector<int64_t>{60000, 1, 28, 28}));
  EXPECT_EQ(data.split("test").size(), 10000);
  EXPECT_TRUE(at::equal(data.split("train").labels.bincount(), at::full({10}, 6000)));
}

}  // namespace
}  // namespace diffeo
