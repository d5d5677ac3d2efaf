#pragma once

#include <optional>
#include <vector>

#include "transforms/partition.h"
#include "transforms/transform.h"

namespace diffeo {

// Where the numbers of one element stand among the channels of a network's output.
enum class NumberLayout {
  kTogether,  // element c's P numbers at c P … c P + P - 1
  kApart,     // its p-th number at p C + c
};

// Invertible scalar function applied to each element of x with P numbers of its own, which it finds
// in the network's raw output as the last convolution wrote it: only the map knows their layout and
// their meaning.
class ElementwiseMap : public torch::nn::Module {
 public:
  virtual int64_t parameter_count() const = 0;  // P
  virtual NumberLayout layout() const { return NumberLayout::kTogether; }
  // x [B, C, H, W] or [B, D]; raw [B, P C, H, W] or [B, P D].
  virtual Mapped forward(const Tensor& x, const Tensor& raw) = 0;
  virtual Tensor inverse(const Tensor& y, const Tensor& raw) = 0;
  // forward() of the half of x that the partition does not keep, put back beside the other half.
  virtual Mapped forward_within(const Tensor& x, const Partition& partition, const Tensor& raw);
  // Whether inverse() is a formula that gives an element back to rounding.
  virtual bool inverts_to_rounding() const { return false; }
  // How many evaluations inverse() takes for each element, int64 on the host; undefined where it is
  // a formula.
  virtual Tensor inverse_evaluations(const Tensor&, const Tensor&) const { return {}; }
  // The elements that it maps; everything, where there is none. An example with others has log_det
  // -infinity and finite values.
  virtual std::optional<Domain> domain() const { return {}; }
  // What to add to a network's zeros for a map near the identity: [P].
  virtual Tensor near_identity(const Site& site) const {
    return site.constant({parameter_count()}, 0);
  }
};

// What a map may need to know of the layer it stands in.
struct MapRole {
  bool masked = false;      // the network reads the whole example, masked
  bool batch_norm = false;  // the coupling normalises what the map returns
  int64_t hidden = 0;       // width of the coupling's network; 0: no coupling, or no such number
};

// The channels of a network's output that are numbers of the elements `chosen`, out of so many, in
// the order in which the map reads them where it is given these elements alone.
std::vector<int64_t> rows_of(const ElementwiseMap& map, const std::vector<int64_t>& chosen,
                             int64_t elements);

}  // namespace diffeo
