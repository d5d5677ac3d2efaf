#pragma once

#include "core/range.h"
#include "transforms/partition.h"
#include "transforms/transform.h"

namespace diffeo {

// The transforms that only move elements about. Their log_det is zero.

struct ReverseConfig {
  using Builds = class Reverse;
  static constexpr const char* kType = "reverse";
  static constexpr bool kOnlyMoves = true;
  static constexpr const char* kDoc =
      "Reverses the order of the channels, or of a vector's entries.";
};

// y[c] = x[C - 1 - c].
class Reverse final : public Transform {
 public:
  Reverse(const ReverseConfig& config, const Site& site);
  bool rebuilds_input() const override { return true; }

 private:
  Mapped do_forward(const Tensor& x, const Pass& pass) override;
  Tensor do_inverse(const Tensor& z, const Pass& pass) override;
};

struct ShuffleConfig {
  using Builds = class Shuffle;
  static constexpr const char* kType = "shuffle";
  static constexpr bool kOnlyMoves = true;
  static constexpr const char* kDoc =
      "A fixed random permutation of the channels, or of a vector's entries.";
};

// y[c] = x[indices[c]], the indices a buffer drawn from the seed.
class Shuffle final : public Transform {
 public:
  Shuffle(const ShuffleConfig& config, const Site& site);
  bool rebuilds_input() const override { return true; }

 private:
  Mapped do_forward(const Tensor& x, const Pass& pass) override;
  Tensor do_inverse(const Tensor& z, const Pass& pass) override;

  Tensor indices_;  // [C] int64
};

struct PermutationConfig {
  using Builds = class Permutation;
  static constexpr const char* kType = "permutation";
  static constexpr bool kOnlyMoves = true;
  static constexpr const char* kDoc = "A given order of the channels, or of a vector's entries.";
  std::vector<int64_t> order = {};

  template <class Archive>
  void fields(Archive& ar) {
    ar.required("order", order, "for each place of the output the input's it is taken from, from 0",
                at_least(0));
  }
};

// y[c] = x[order[c]]. Throws where the order is none of the channels.
class Permutation final : public Transform {
 public:
  Permutation(const PermutationConfig& config, const Site& site);
  bool rebuilds_input() const override { return true; }

 private:
  Mapped do_forward(const Tensor& x, const Pass& pass) override;
  Tensor do_inverse(const Tensor& z, const Pass& pass) override;

  Tensor order_, back_;  // [C] int64
};

// Throws unless `order` has each of 0 … count - 1 once. `key` names it in the message.
void require_permutation(const char* key, const std::vector<int64_t>& order, int64_t count);

// Whole numbers as a tensor beside those of the site: its device, int64.
Tensor whole_numbers(const Site& site, const std::vector<int64_t>& values);

struct FlipConfig {
  using Builds = class Flip;
  static constexpr const char* kType = "flip";
  static constexpr bool kOnlyMoves = true;
  static constexpr const char* kDoc = "Exchanges the two halves of a split.";
  Split split = Split::kChannel;

  template <class Archive>
  void fields(Archive& ar) {
    ar("split", split, "whose halves change places");
  }
};

// Exchanges the two halves of a split (flowpp, class Flip). Throws where they are not of one shape.
class Flip final : public Transform {
 public:
  Flip(const FlipConfig& config, const Site& site);
  bool rebuilds_input() const override { return true; }

 private:
  Mapped do_forward(const Tensor& x, const Pass& pass) override;
  Tensor do_inverse(const Tensor& z, const Pass& pass) override;

  Partition partition_;
};

struct FlattenConfig {
  using Builds = class Flatten;
  static constexpr const char* kType = "flatten";
  static constexpr bool kKeepsShape = false, kOnlyMoves = true;
  static constexpr const char* kDoc = "Makes a vector of an image: [C, H, W] -> [C H W].";
};

// [C, H, W] -> [C H W], channels slowest.
class Flatten final : public Transform {
 public:
  Flatten(const FlattenConfig& config, const Site& site);
  bool rebuilds_input() const override { return true; }

 private:
  Mapped do_forward(const Tensor& x, const Pass& pass) override;
  Tensor do_inverse(const Tensor& z, const Pass& pass) override;
};

}  // namespace diffeo
