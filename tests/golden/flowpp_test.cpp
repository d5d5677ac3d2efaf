// Flow++ against the numbers of its authors' program: every case of golden/flowpp but the
// elementwise ones (mixture_test.cpp).

#include <gtest/gtest.h>

#include "golden/flowpp_checks.h"

namespace diffeo::golden {
namespace {

class Flowpp : public GoldenTest {
 protected:
  static void check(const Case& c, at::ScalarType precision) {
    static const std::map<std::string, void (*)(const Case&, at::ScalarType)> checks{
        {"coupling", check_flowpp_coupling},
        {"conditioner", check_flowpp_conditioner},
        {"dequantizer", check_flowpp_dequantizer},
        {"model", check_flowpp_model},
        {"data_dependent_init", check_flowpp_start},
        {"gradients", check_flowpp_gradients},
        {"adam", check_flowpp_updates}};
    auto found = checks.find(c.kind());
    ASSERT_NE(found, checks.end()) << c.kind() << ": a kind no test knows";
    found->second(c, precision);
  }
};

TEST_P(Flowpp, AgreesWithItsAuthorsInFloat64) { check(GetParam(), at::kDouble); }

INSTANTIATE_TEST_SUITE_P(
    golden, Flowpp,
    testing::ValuesIn(cases("flowpp", [](const Case& c) { return c.kind() != "elementwise"; })),
    test_name);

// The gradients were recorded in float64 alone.
class FlowppSingle : public Flowpp {};

TEST_P(FlowppSingle, AgreesWithItsAuthorsInFloat32) { check(GetParam(), at::kFloat); }

INSTANTIATE_TEST_SUITE_P(golden, FlowppSingle,
                         testing::ValuesIn(cases("flowpp",
                                                 [](const Case& c) {
                                                   return c.kind() != "elementwise" &&
                                                          c.kind() != "gradients";
                                                 })),
                         test_name);

}  // namespace
}  // namespace diffeo::golden
