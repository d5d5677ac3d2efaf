#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/shape.h"
#include "data/augment_config.h"
#include "data/density_kind.h"

namespace diffeo {

// Where examples come from. `source` tells the alternatives apart; each file's reader checks that
// what it finds is what the configuration says.

constexpr const char* kPadDoc =
    "pixels of zeros added on each side (2 makes 28x28 into 32x32); bits/dim with padding is not "
    "comparable with bits/dim without";
constexpr const char* kValidationDoc =
    "fraction of the training set held out as the split `validation`";
constexpr const char* kStandardiseDoc =
    "give each column mean 0 and deviation 1 over the training set before the flow reads it, in "
    "double precision; likelihoods and samples stay in the data's own units";

// The keys that every source has whose test set need not lie apart, first in each. `train` and
// `test` tell what the two paths name.
template <class Archive, class Files>
void path_fields(Archive& ar, Files& files, const char* train, const char* test) {
  ar.required("path", files.path, train, {}, OnResume::kPlace);
  ar("test", files.test, test, {}, OnResume::kPlace);
  ar("test_fraction", files.test_fraction,
     "fraction of `path` held out as the split `test` where `test` names nothing", between(0, 0.9));
}

// The keys that every source of images has, last in each.
template <class Archive, class Files>
void training_set_fields(Archive& ar, Files& files) {
  ar("validation", files.validation, kValidationDoc, between(0, 0.9));
  ar("augment", files.augment, "augmentation of training images");
}

struct SyntheticConfig {
  static constexpr const char* kTag = "source";
  static constexpr const char* kType = "synthetic";
  static constexpr const char* kDoc =
      "A 2-D density known exactly: fresh examples each step, no files.";
  DensityKind density = DensityKind::kTutorial;
  int64_t evaluation_examples = 100000;

  template <class Archive>
  void fields(Archive& ar) {
    ar.required("density", density, "which density");
    ar("evaluation_examples", evaluation_examples, "examples in the split `test`", at_least(1));
  }
};

struct Cifar10Config {
  static constexpr const char* kTag = "source";
  static constexpr const char* kType = "cifar10";
  static constexpr const char* kDoc =
      "Images [3, 32, 32] in CIFAR-10's binary layout, with 10 classes.";
  std::string path = {};
  double validation = 0;
  AugmentConfig augment = {};

  template <class Archive>
  void fields(Archive& ar) {
    ar.required("path", path,
                "folder with data_batch_1.bin … data_batch_5.bin and test_batch.bin, or with "
                "train.bin and test.bin",
                {}, OnResume::kPlace);
    training_set_fields(ar, *this);
  }
};

struct IdxConfig {
  static constexpr const char* kTag = "source";
  static constexpr const char* kType = "idx";
  static constexpr const char* kDoc = "Grey images in MNIST's IDX layout, plain or .gz.";
  std::string path = {};
  Shape shape = {1, 28, 28};
  int64_t classes = 10;
  int64_t pad = 0;
  double validation = 0;
  AugmentConfig augment = {};

  template <class Archive>
  void fields(Archive& ar) {
    ar("path", path,
       "folder with train-images-idx3-ubyte and its companions; empty: Fashion-MNIST of Debian's "
       "package "
       "dataset-fashion-mnist",
       {}, OnResume::kPlace);
    ar("shape", shape, "shape [1, height, width] of the images in the files");
    ar("classes", classes, "number of classes; 0: labels are not read", at_least(0));
    ar("pad", pad, kPadDoc, between(0, 1024));
    training_set_fields(ar, *this);
  }

  // What is wrong with the members together, or nothing.
  std::string problem() const;
};

struct NpyConfig {
  static constexpr const char* kTag = "source";
  static constexpr const char* kType = "npy";
  static constexpr const char* kDoc =
      "NumPy arrays: [N, D] of floats, or [N, H, W] or [N, H, W, C] of uint8 images.";
  std::string path = {};
  std::optional<std::string> test = {};
  double test_fraction = 0;
  Shape shape = {};
  std::optional<std::string> labels = {};
  std::optional<std::string> test_labels = {};
  int64_t classes = 0;
  std::optional<std::string> context = {};
  std::optional<std::string> test_context = {};
  int64_t context_size = 0;
  bool standardise = false;
  double validation = 0;
  AugmentConfig augment = {};

  template <class Archive>
  void fields(Archive& ar) {
    path_fields(ar, *this, "file of training examples", "file of test examples");
    ar.required("shape", shape, "shape of one example: [D], or [C, H, W] for images");
    ar("labels", labels, "file of the training examples' labels, integers [N]", {},
       OnResume::kPlace);
    ar("test_labels", test_labels, "file of the test examples' labels, integers [N]", {},
       OnResume::kPlace);
    ar("classes", classes,
       "number of classes, for which `labels` is needed; 0: there are no labels", at_least(0));
    ar("context", context,
       "file of what the training examples are conditioned on, floats [N, context_size]", {},
       OnResume::kPlace);
    ar("test_context", test_context, "the same of the test examples", {}, OnResume::kPlace);
    ar("context_size", context_size,
       "number of context columns, for which `context` is needed; 0: there are none", at_least(0));
    ar("standardise", standardise, kStandardiseDoc);
    training_set_fields(ar, *this);
  }

  // What is wrong with the members together, or nothing.
  std::string problem() const;
};

struct CsvConfig {
  static constexpr const char* kTag = "source";
  static constexpr const char* kType = "csv";
  static constexpr const char* kDoc =
      "A table of numbers in text with a header: an example a row, of the columns that are named.";
  std::string path = {};
  std::optional<std::string> test = {};
  double test_fraction = 0;
  std::vector<std::string> columns = {};
  std::optional<std::string> label = {};
  int64_t classes = 0;
  std::vector<std::string> context = {};
  std::string delimiter = ",";
  bool standardise = false;
  double validation = 0;

  template <class Archive>
  void fields(Archive& ar) {
    path_fields(ar, *this, "file of training examples",
                "file of test examples, with the same columns");
    ar.required("columns", columns, "names of the columns that make an example, in this order");
    ar("label", label,
       "name of the column of classes: whole numbers from 0, or words, which are numbered in the "
       "alphabet's order");
    ar("classes", classes, "number of classes, for which `label` is needed; 0: there are none",
       at_least(0));
    ar("context", context, "names of the columns that the examples are conditioned on");
    ar("delimiter", delimiter, "the character between cells; \"\\t\" is a tab");
    ar("standardise", standardise, kStandardiseDoc);
    ar("validation", validation, kValidationDoc, between(0, 0.9));
  }

  // What is wrong with the members together, or nothing.
  std::string problem() const;
};

enum class Crop { kNone, kCenter };
template <>
struct EnumNames<Crop> {
  static constexpr std::array names{std::pair{"none", Crop::kNone},
                                    std::pair{"center", Crop::kCenter}};
};

enum class Resize { kNone, kBilinear, kBicubic, kArea };
template <>
struct EnumNames<Resize> {
  static constexpr std::array names{
      std::pair{"none", Resize::kNone}, std::pair{"bilinear", Resize::kBilinear},
      std::pair{"bicubic", Resize::kBicubic}, std::pair{"area", Resize::kArea}};
};

// What becomes of a picture that cannot be read.
enum class Broken { kRefuse, kSkip };
template <>
struct EnumNames<Broken> {
  static constexpr std::array names{std::pair{"refuse", Broken::kRefuse},
                                    std::pair{"skip", Broken::kSkip}};
};

struct ImagesConfig {
  static constexpr const char* kTag = "source";
  static constexpr const char* kType = "images";
  static constexpr const char* kDoc =
      "A folder of PNG and JPEG pictures, at any depth, in the alphabet's order of their paths.";
  std::string path = {};
  std::optional<std::string> test = {};
  double test_fraction = 0;
  std::vector<int64_t> size = {};
  int64_t channels = 3;
  Crop crop = Crop::kNone;
  Resize resize = Resize::kNone;
  int64_t pad = 0;
  int64_t classes = 0;
  std::optional<std::string> table = {};
  std::optional<std::string> label = {};
  std::vector<std::string> context = {};
  Broken broken = Broken::kRefuse;
  double validation = 0;
  AugmentConfig augment = {};

  template <class Archive>
  void fields(Archive& ar) {
    path_fields(ar, *this, "folder of training pictures", "folder of test pictures");
    ar.required("size", size, "[height, width] of the images that the flow learns");
    ar("channels", channels, "3: RGB; 1: grey", between(1, 3));
    ar("crop", crop,
       "center: the largest window of the shape of `size` in the middle of a picture is taken; "
       "with "
       "resize: none, one of exactly `size`");
    ar("resize", resize,
       "how pictures of another size are brought to `size`, with antialiasing; none: they are "
       "refused");
    ar("pad", pad, kPadDoc, between(0, 1024));
    ar("classes", classes,
       "number of classes: the folders in `path`, or what `label` says, numbered in the alphabet's "
       "order; names that are all whole numbers stand for themselves, from 0; 0: there are none",
       at_least(0));
    ar("table", table,
       "file .csv that says more of each picture; its first column has their paths in the folder",
       {}, OnResume::kPlace);
    ar("label", label, "name of the column of `table` with the classes");
    ar("context", context,
       "names of the columns of `table` that the images are conditioned on (attributes)");
    ar("broken", broken, "pictures that cannot be read: refuse the folder, or skip and count them");
    training_set_fields(ar, *this);
  }

  // What is wrong with the members together, or nothing.
  std::string problem() const;
};

using DataConfig =
    std::variant<SyntheticConfig, Cifar10Config, IdxConfig, NpyConfig, CsvConfig, ImagesConfig>;

// What follows from the configuration alone, without reading data.
Shape data_shape(const DataConfig& config);      // of one example: {D} or {C, H, W}
int64_t data_classes(const DataConfig& config);  // 0: examples have no labels
// Names of the context columns; where the files have none, "0", "1", …
std::vector<std::string> data_context(const DataConfig& config);
// Whether some of the data are kept from training, as its evaluations need.
bool data_is_held_out(const DataConfig& config);
int64_t data_levels(const DataConfig& config);  // 256: uint8, a value is one of this many; 0: reals

// The same without a validation set, and without any set cut from another: the files' rows stand in
// their order.
DataConfig without_validation(DataConfig config);
DataConfig uncut(DataConfig config);

// Whether the flow reads vectors standardised, and the data stay float64 until then.
bool data_is_standardised(const DataConfig& config);

// Names of the columns of vectors; where the files have none, "0", "1", …
std::vector<std::string> data_columns(const DataConfig& config);

// What a column of vectors is called in messages: its name, or its number.
std::string data_column(const DataConfig& config, int64_t column);

// Images are discrete and measured in bits/dim; everything else is real and measured in nats.
bool data_is_image(const DataConfig& config);

}  // namespace diffeo
