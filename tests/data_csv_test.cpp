// Tables as data, and vectors that are standardised.

#include <ATen/ATen.h>

#include <cmath>
#include <numbers>

#include "config/configured_flow.h"
#include "data/data.h"
#include "io/npy.h"
#include "io/safetensors.h"
#include "program.h"

namespace diffeo {
namespace {

class CsvSource : public Commands {
 protected:
  CsvConfig config(const std::vector<std::string>& columns) const {
    return {.path = path("t.csv").string(), .columns = columns};
  }
  // Numbers x of two kinds, in t.csv and u.csv.
  CsvConfig kinds() const {
    CsvConfig taken = config({"x"});
    taken.test = path("u.csv").string();
    taken.label = "kind";
    taken.classes = 2;
    return taken;
  }
  Complaint complaint(const CsvConfig& config) const {
    return complaint_of([&] { load_data(config, 0); });
  }
};

TEST_F(CsvSource, TakesColumnsByNameInTheirOrder) {
  write("t.csv", "x,kind,y,t\n1,cat,2,3\n4,ant,5,6\n7,cat,8,9\n");
  CsvConfig taken = config({"y", "x"});
  taken.context = {"t"};
  taken.label = "kind";
  taken.classes = 2;
  EXPECT_EQ(data_shape(taken), Shape{2});
  EXPECT_EQ(data_context(taken), std::vector<std::string>{"t"});
  Data data = load_data(taken, 0);
  const Dataset& train = data.split("train");
  EXPECT_TRUE(at::equal(train.examples, at::tensor({2.f, 1.f, 5.f, 4.f, 8.f, 7.f}).view({3, 2})));
  EXPECT_TRUE(at::equal(train.context, at::tensor({3.f, 6.f, 9.f}).view({3, 1})));
  EXPECT_TRUE(at::equal(train.labels, at::tensor({1, 0, 1}, at::kLong)))
      << "words are numbered in the alphabet's order";
}

TEST_F(CsvSource, NumbersTheTestsLabelsAsTheTrainings) {
  write("t.csv", "x,kind\n1,b\n2,a\n");
  write("u.csv", "kind,x\nb,1\n");
  CsvConfig taken = kinds();
  EXPECT_EQ(load_data(taken, 0).split("test").labels.item<int64_t>(), 1);
  write("u.csv", "kind,x\nc,1\n");
  EXPECT_EQ(complaint(taken).message,
            *taken.test + ": example 0 has the label 'c', which no training example has");
  taken.classes = 1;
  EXPECT_EQ(complaint(taken).message,
            taken.path + ": holds 2 classes by name, but data.classes is 1");
}

TEST_F(CsvSource, TakesNoNumberForAWordOfTheTraining) {
  write("t.csv", "x,kind\n1,0\n2,other\n");
  write("u.csv", "x,kind\n1,1\n");
  CsvConfig taken = kinds();
  EXPECT_EQ(complaint(taken).message,
            *taken.test + ": example 0 has the label '1', which no training example has");
}

TEST_F(CsvSource, RefusesAMissingLabelAndTrimsTheOthers) {
  CsvConfig taken = config({"x"});
  taken.label = "kind";
  taken.classes = 2;
  write("t.csv", "x,kind\n1, 1\n2,0 \n");
  EXPECT_TRUE(at::equal(load_data(taken, 0).split("train").labels, at::tensor({1, 0}, at::kLong)));
  write("t.csv", "x,kind\n1,1\n2,NA\n");
  EXPECT_EQ(complaint(taken).message,
            taken.path +
                ":3: column 'kind': a value is missing (found 'NA'); leave such rows out, "
                "or fill them in");
}

TEST_F(CsvSource, SaysWhatDoesNotFit) {
  write("t.csv", "x,y\n1,2\n");
  EXPECT_EQ(complaint(config({"x", "z"})).message,
            path("t.csv").string() + ":1: no column is called 'z'; there are x and y");
  write("t.csv", "x,y\n");
  EXPECT_EQ(complaint(config({"x"})).message,
            path("t.csv").string() + ": holds a header and no rows");
  EXPECT_EQ((CsvConfig{.columns = {"a", "b"}, .context = {"a"}}.problem()),
            "the column 'a' is named twice among columns, context and label");
  EXPECT_EQ((CsvConfig{.columns = {"a"}, .delimiter = ";;"}.problem()),
            "delimiter is ';;', expected one character (of one byte) that is no quote and ends no "
            "line");
  EXPECT_EQ((CsvConfig{.columns = {"a"}, .label = "b"}.problem()),
            "label names a column, but classes is 0; give their number");
}

constexpr const char* kShifted = R"(
data: {source: csv, path: t.csv, test_fraction: 0.25, columns: [time, size], standardise: true}
train: {steps: 40, batch_size: 32}
flow: [{type: actnorm}, {type: lu_linear}]
)";

// Seconds since 1970 beside small numbers: columns that single precision cannot hold.
std::string shifted_table() {
  std::string text = "time,size\n";
  for (int i = 0; i < 400; ++i) {
    double z = std::sin(1.7 * i), w = std::cos(2.3 * i);
    text += std::to_string(1.7e9 + 30 * z + 5 * w) + "," + std::to_string(1e-3 * w) + "\n";
  }
  return text;
}

TEST_F(CsvSource, StandardisedStaysInItsOwnUnits) {
  write("t.csv", shifted_table());
  write("c.yaml", kShifted);
  Answer trained = diffeo({"train", "c.yaml", "--run", "r"});
  ASSERT_EQ(trained.exit, 0) << trained.err;
  EXPECT_EQ(trained.err.find("warning"), std::string::npos) << trained.err;
  // A Gaussian's entropy in these units, which the linear flow is free to reach: nats would be
  // about 10 higher if the deviations 22 and 7e-4 were not counted.
  double nats = diffeo({"evaluate", "r", "--json"}).json().at("nats").get<double>();
  double expected = std::log(2 * std::numbers::pi * std::numbers::e) +
                    std::log(30 / std::sqrt(2.0)) + std::log(1e-3 / std::sqrt(2.0));
  EXPECT_NEAR(nats, expected, 0.3);
  ASSERT_EQ(diffeo({"sample", "r", "--count", "200", "--out", "s.npy"}).exit, 0);
  Tensor samples = load_npy(path("s.npy"));
  EXPECT_EQ(samples.scalar_type(), at::kDouble);
  Tensor times = samples.select(1, 0) - 1.7e9;
  EXPECT_NEAR(times.mean().item<double>(), 0, 6);
  EXPECT_NEAR(times.std().item<double>(), 21.5, 6);
  ASSERT_EQ(diffeo({"encode", "r", "--split", "train", "--out", "z.safetensors"}).exit, 0);
  ASSERT_EQ(diffeo({"decode", "r", "z.safetensors", "--out", "b.npy"}).exit, 0);
  Data data = load_data(CsvConfig{.path = path("t.csv").string(),
                                  .test_fraction = 0.25,
                                  .columns = {"time", "size"},
                                  .standardise = true},
                        0);
  EXPECT_TRUE(
      at::allclose(load_npy(path("b.npy")), data.split("train").examples, /*rtol=*/1e-14, 1e-9));
  EXPECT_EQ(diffeo({"check", "r"}).exit, 0);
  // Another source does not say `standardise`: the flow was trained with it.
  save_npy(path("x.npy"), data.split("test").examples);
  Answer other = diffeo({"evaluate", "r", "data={source: npy, path: x.npy, shape: [2]}", "--json"});
  EXPECT_NEAR(other.json().at("nats").get<double>(), nats, 1e-9) << other.err;
}

TEST_F(CsvSource, GetsSamplesBackAsATableOfTheSameColumns) {
  std::string table = "x,\"y, in m\",kind\n";
  for (int i = 0; i < 64; ++i)
    table += joined(std::sin(i), ",", std::cos(1.3 * i), ",", i % 2 ? "a" : "b", "\n");
  write("t.csv", table);
  write("c.yaml",
        "data: {source: csv, path: t.csv, test_fraction: 0.25, columns: [\"y, in m\", x], "
        "label: kind, classes: 2}\n"
        "train: {steps: 3, batch_size: 8}\n"
        "flow: [{type: actnorm}, {type: prior, learned: true, classes: true}]\n");
  Answer trained = diffeo({"train", "c.yaml", "--run", "r"});
  ASSERT_EQ(trained.exit, 0) << trained.err;
  for (const char* out : {"s.csv", "s.safetensors", "s.npy"})
    ASSERT_EQ(diffeo({"sample", "r", "--count", "9", "--out", out}).exit, 0) << out;
  EXPECT_EQ(read_plainly(path("s.csv")).substr(0, 17), "\"y, in m\",x,kind\n");
  CsvConfig back = {.path = path("s.csv").string(), .columns = {"y, in m", "x"}};
  back.label = "kind";
  back.classes = 2;
  Data data = load_data(back, 0);
  EXPECT_TRUE(at::equal(data.split("train").examples, load_npy(path("s.npy"))));
  NamedTensors stored = load_safetensors(path("s.safetensors")).tensors;
  EXPECT_TRUE(at::equal(data.split("train").labels, stored.at("labels")));
  ASSERT_EQ(diffeo({"encode", "r", "--split", "train", "--out", "z.safetensors"}).exit, 0);
  ASSERT_EQ(diffeo({"decode", "r", "z.safetensors", "--out", "b.csv"}).exit, 0);
  back.path = path("b.csv");
  EXPECT_EQ(load_data(back, 0).split("train").size(), 48);
}

TEST_F(CsvSource, UnstandardisedIsRefusedWhereSinglePrecisionCannotHoldIt) {
  write("t.csv", shifted_table());
  write("c.yaml", kShifted);
  Answer answer = diffeo({"train", "c.yaml", "--run", "r", "data.standardise=false"});
  EXPECT_EQ(answer.exit, 3);
  EXPECT_TRUE(answer.err.find("standardise: true") != std::string::npos) << answer.err;
}

TEST(Standardiser, AddsTheLogOfItsDeviationsAndLeavesConstantsAlone) {
  Tensor x = at::tensor({1e9 + 1, 7.0, 1e9 + 3, 7.0}, at::kDouble).view({2, 2});
  for (at::ScalarType type : {at::kFloat, at::kDouble}) {
    Standardiser units({.input = {2}, .options = type});
    units.set(x);
    Mapped z = units.forward(x);
    EXPECT_TRUE(at::allclose(z.value, at::tensor({-1.0, 0.0, 1.0, 0.0}).view({2, 2}).to(type)));
    EXPECT_TRUE(at::equal(z.log_det, at::zeros({2}, type))) << "the deviations are 1 and 1";
    EXPECT_TRUE(at::allclose(units.inverse(z.value), x, 0, 1e-6));
  }
}

TEST(Standardiser, RefusesNumbersWithoutMoments) {
  Standardiser units({.input = {1}, .options = at::kFloat});
  Complaint complaint =
      complaint_of([&] { units.set(at::tensor({1e200, -1e200}, at::kDouble).view({2, 1})); });
  EXPECT_EQ(complaint.message,
            "standardise: the numbers of column 0 are so large that their mean or deviation is "
            "beyond single precision; change the unit");
}

}  // namespace
}  // namespace diffeo
