#pragma once

#include "data/density.h"

namespace diffeo {

// Uniform on every other square of a board of cells x cells squares (an even number) of the given
// side, centred at the origin; the square at the lower left belongs to it.
class Checkerboard final : public Density {
 public:
  explicit Checkerboard(int64_t cells = 4, double side = 2) : cells_(cells), side_(side) {}
  double entropy() const override;

 private:
  Tensor do_sample(Noise& noise, const Tensor& like) const override;
  Tensor do_log_prob(const Tensor& x) const override;

  int64_t cells_;
  double side_;
};

// k uniform on 0 … arms - 1; f ~ N((1, 0), diag(radial^2, tangential^2)); f rotated clockwise by
// 2 pi k/arms + rate exp(|f|); x is `scale` times that. The usual sampler twists by exp(f1); with
// |f| the twist preserves area, and the density is a mixture of Gaussians in untwisted coordinates.
class Pinwheel final : public Density {
 public:
  struct Parameters {
    int64_t arms = 5;
    double radial = 0.3, tangential = 0.1, rate = 0.25, scale = 2;
  };
  Pinwheel() = default;
  explicit Pinwheel(const Parameters& parameters) : parameters_(parameters) {}
  double entropy() const override;

 private:
  Tensor do_sample(Noise& noise, const Tensor& like) const override;
  Tensor do_log_prob(const Tensor& x) const override;

  Parameters parameters_;
};

// log p = -((|x| - radius) / thickness)^2 / 2 + log(exp(-((x1 - radius) / width)^2 / 2)
//         + exp(-((x1 + radius) / width)^2 / 2)) - log Z
// The first energy of Rezende and Mohamed 2015, table 1, as the package normflows has it: 0.2 and
// 0.3 where the paper has 0.4 and 0.6.
class TwoMoonsEnergy final : public Density {
 public:
  explicit TwoMoonsEnergy(double radius = 2, double thickness = 0.2, double width = 0.3);
  double entropy() const override;

 private:
  Tensor do_sample(Noise& noise, const Tensor& like) const override;
  Tensor do_log_prob(const Tensor& x) const override;
  struct Proposals {
    Tensor x;     // [count, proposals, 2]
    Tensor kept;  // [count, proposals] bool
  };
  Proposals propose(Noise& noise, const std::string& path, const Tensor& like) const;
  Tensor energy(const Tensor& x) const;  // -log p - log Z
  double bound() const;                  // the density is negligible where |x1| or |x2| is larger

  double radius_, thickness_, width_;
  double log_z_;
};

}  // namespace diffeo
