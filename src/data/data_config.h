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

// The keys that every source of files has, last in each.
template <class Archive, class Files>
void training_set_fields(Archive& ar, Files& files) {
  ar("validation", files.validation,
     "fraction of the training set held out as the split `validation`", between(0, 0.9));
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
    ar("pad", pad,
       "pixels of zeros added on each side (2 makes 28x28 into 32x32); bits/dim with padding is "
       "not comparable with "
       "bits/dim without",
       between(0, 1024));
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
  double validation = 0;
  AugmentConfig augment = {};

  template <class Archive>
  void fields(Archive& ar) {
    ar.required("path", path, "file of training examples", {}, OnResume::kPlace);
    ar("test", test, "file of test examples", {}, OnResume::kPlace);
    ar("test_fraction", test_fraction,
       "fraction of `path` held out as the split `test` where `test` names no file",
       between(0, 0.9));
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
    training_set_fields(ar, *this);
  }

  // What is wrong with the members together, or nothing.
  std::string problem() const;
};

using DataConfig = std::variant<SyntheticConfig, Cifar10Config, IdxConfig, NpyConfig>;

// What follows from the configuration alone, without reading data.
Shape data_shape(const DataConfig& config);      // of one example: {D} or {C, H, W}
int64_t data_classes(const DataConfig& config);  // 0: examples have no labels
// Names of the context columns; where the files have none, "0", "1", …
std::vector<std::string> data_context(const DataConfig& config);
// Whether some of the data are kept from training, as its evaluations need.
bool data_is_held_out(const DataConfig& config);
int64_t data_levels(const DataConfig& config);  // 256: uint8, a value is one of this many; 0: reals

// Images are discrete and measured in bits/dim; everything else is real and measured in nats.
bool data_is_image(const DataConfig& config);

}  // namespace diffeo
