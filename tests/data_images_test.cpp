// Folders of pictures as data.

#include <ATen/ATen.h>

#include "data/data.h"
#include "data/fitted_image.h"
#include "io/npy.h"
#include "io/png.h"
#include "program.h"

namespace diffeo {
namespace {

class ImagesSource : public Commands {
 protected:
  // A picture of one grey.
  void picture(const std::string& name, int64_t grey, int64_t height = 4, int64_t width = 4) const {
    std::filesystem::create_directories(path("p/" + name).parent_path());
    save_png(path("p/" + name), at::full({3, height, width}, grey, at::kByte));
  }
  ImagesConfig config() const { return {.path = path("p").string(), .size = {4, 4}}; }
  Complaint complaint(const ImagesConfig& config) const {
    return complaint_of([&] { load_data(config, 0); });
  }
  static std::vector<int64_t> greys(const Dataset& set) {
    Tensor first = set.examples.flatten(1).select(1, 0).to(at::kLong);
    return {first.const_data_ptr<int64_t>(), first.const_data_ptr<int64_t>() + first.numel()};
  }
};

TEST_F(ImagesSource, TakesPicturesAtAnyDepthInTheOrderOfTheirPaths) {
  picture("b.png", 20);
  picture("a/z.PNG", 10);
  picture("c/d/e.png", 30);
  picture(".hidden/x.png", 40);
  write("p/readme.txt", "not a picture");
  Data data = load_data(config(), 0);
  EXPECT_EQ(greys(data.split("train")), (std::vector<int64_t>{10, 20, 30}));
  EXPECT_EQ(data.split("train").shape(), (Shape{3, 4, 4}));
  EXPECT_EQ(data.split("train").examples.scalar_type(), at::kByte);
  EXPECT_FALSE(data_is_held_out(config()));
}

TEST_F(ImagesSource, TakesFoldersForClasses) {
  for (const char* name : {"cat/1.png", "ant/1.png", "cat/2.png"}) picture(name, 1);
  ImagesConfig classes = config();
  classes.classes = 2;
  Tensor labels = load_data(classes, 0).split("train").labels;
  EXPECT_TRUE(at::equal(labels, at::tensor({0, 1, 1}, at::kLong)));
  classes.classes = 1;
  EXPECT_EQ(complaint(classes).message,
            classes.path + ": holds 2 classes by name, but data.classes is 1");
  picture("stray.png", 1);
  EXPECT_EQ(
      complaint(classes).message,
      classes.path + ": stray.png lies in none of the folders that data.classes takes for classes");
}

TEST_F(ImagesSource, TakesClassesAndAttributesFromATable) {
  for (const char* name : {"1.png", "2.png", "x/3.png"}) picture(name, 1);
  write("t.csv", "image,kind,smiling,age\n2.png,old,1,60\n1.png,new,-1,30\n3.png,old,1,50\n");
  ImagesConfig told = config();
  told.table = path("t.csv").string();
  told.label = "kind";
  told.classes = 2;
  told.context = {"age", "smiling"};
  const Data data = load_data(told, 0);
  EXPECT_TRUE(at::equal(data.split("train").labels, at::tensor({0, 1, 1}, at::kLong)));
  EXPECT_TRUE(at::equal(data.split("train").context,
                        at::tensor({30.f, -1.f, 60.f, 1.f, 50.f, 1.f}).view({3, 2})));
  picture("4.png", 1);
  EXPECT_EQ(complaint(told).message, *told.table + ": says nothing of the picture 4.png");
  write("t.csv", "image,kind\n1.png,a\n1.png,b\n");
  told.context = {};
  EXPECT_EQ(complaint(told).message, *told.table + ":3: the picture '1.png' stands twice");
}

TEST_F(ImagesSource, RefusesANameThatStandsForTwoPictures) {
  for (const char* name : {"a/1.png", "b/1.png"}) picture(name, 1);
  write("t.csv", "image,kind\n1.png,old\n");
  ImagesConfig told = config();
  told.table = path("t.csv").string();
  told.label = "kind";
  told.classes = 1;
  EXPECT_EQ(complaint(told).message,
            *told.table + ": '1.png' may mean a/1.png or b/1.png; write their paths in the folder");
}

TEST_F(ImagesSource, NamesALinkToNothingAndWalksNoCircle) {
  picture("a.png", 1);
  std::filesystem::path folder = config().path;
  std::filesystem::create_directory_symlink(folder, folder / "again");
  EXPECT_EQ(load_data(config(), 0).split("train").size(), 1);
  std::filesystem::create_symlink("nowhere.png", folder / "b.png");
  std::string message = complaint(config()).message;
  EXPECT_NE(message.find("1 of 2 pictures cannot be used"), std::string::npos) << message;
  EXPECT_NE(message.find("b.png"), std::string::npos) << message;
}

TEST_F(ImagesSource, RefusesOrSkipsWhatItCannotUse) {
  picture("a.png", 10);
  picture("b.png", 20, 4, 6);
  write("p/c.png", "\x89PNG, but cut off");
  ImagesConfig strict = config();
  std::string size = path("p/b.png").string() +
                     ": is 4 high and 6 wide, expected 4 and 4; data.resize brings pictures to one "
                     "size (bicubic), data.crop: center keeps their aspect";
  std::string said = strict.path + ": 2 of 3 pictures cannot be used:\n  " + size + "\n  " +
                     path("p/c.png").string() + ": not a whole PNG picture: ";
  Complaint refused = complaint(strict);
  EXPECT_EQ(refused.exit, Exit::kData);
  EXPECT_TRUE(refused.message.starts_with(said)) << refused.message;
  EXPECT_TRUE(refused.message.ends_with("\ndata.broken: skip leaves such pictures out"));
  strict.broken = Broken::kSkip;
  Data data = load_data(strict, 0);
  EXPECT_EQ(greys(data.split("train")), std::vector<int64_t>{10});
  ASSERT_EQ(data.notes().size(), 1u);
  EXPECT_TRUE(data.notes()[0].starts_with("left out: " + said));
  std::filesystem::remove_all(path("p"));
  std::filesystem::create_directory(path("p"));
  EXPECT_EQ(complaint(config()).message,
            config().path + ": holds no picture, no file that ends in .png, .jpg or .jpeg");
}

TEST_F(ImagesSource, SaysWhatDoesNotFitTogether) {
  EXPECT_EQ((ImagesConfig{.size = {4}}.problem()), "size is [4], expected [height, width]");
  EXPECT_EQ((ImagesConfig{.size = {4, 4}, .channels = 2}.problem()),
            "channels is 2, expected 1 (grey) or 3 (RGB)");
  EXPECT_EQ((ImagesConfig{.size = {4, 4}, .label = "a"}.problem()),
            "label and context name columns of a table, but table names no file");
  EXPECT_EQ((ImagesConfig{.test = "t", .test_fraction = 0.5, .size = {4, 4}}.problem()),
            "test and test_fraction exclude each other; give one of them");
}

// A ramp from left to right, [1, 8, 16].
Tensor ramp() { return at::arange(16, at::kByte).mul(16).expand({1, 8, 16}).contiguous(); }

TEST(FittedImage, CropsTheLargestWindowOfTheSameAspect) {
  ImagesConfig square{.size = {4, 4}, .crop = Crop::kCenter, .resize = Resize::kArea};
  Tensor fitted = fitted_image(ramp(), square, "x");
  EXPECT_TRUE(at::equal(fitted[0][0], at::tensor({72, 104, 136, 168}, at::kByte)))
      << "columns 4 to 11, two by two: " << fitted[0][0];
  square.resize = Resize::kNone;
  EXPECT_TRUE(at::equal(fitted_image(ramp(), square, "x"), ramp().narrow(1, 2, 4).narrow(2, 6, 4)));
}

TEST(FittedImage, DoesNotAliasWhenItShrinks) {
  Tensor stripes = at::arange(64, at::kByte).remainder(2).mul(255).expand({1, 64, 64}).contiguous();
  for (Resize filter : {Resize::kBilinear, Resize::kBicubic, Resize::kArea}) {
    Tensor small = fitted_image(stripes, {.size = {16, 16}, .resize = filter}, "x");
    Tensor inner = small.narrow(2, 2, 12).to(at::kInt);
    EXPECT_LE((inner - 127).abs().max().item<int>(), 4) << static_cast<int>(filter);
  }
}

TEST_F(ImagesSource, TrainsOnAFolderFromEndToEnd) {
  for (int i = 0; i < 24; ++i)
    picture((i % 2 ? "a/" : "b/") + std::to_string(i) + ".png", 10 * i, 6, 8);
  write("c.yaml", R"(
data: {source: images, path: p, size: [4, 4], crop: center, resize: bicubic, classes: 2, test_fraction: 0.25}
train: {steps: 3, batch_size: 8}
flow: [{type: dequantize}, {type: logit}, {type: squeeze}, {type: actnorm}, {type: prior, classes: true, learned: true}]
)");
  Answer trained = diffeo({"train", "c.yaml", "--run", "r"});
  ASSERT_EQ(trained.exit, 0) << trained.err;
  EXPECT_EQ(diffeo({"encode", "r", "--split", "train", "--out", "z.safetensors"}).exit, 0);
  EXPECT_EQ(diffeo({"decode", "r", "z.safetensors", "--out", "b.npy"}).exit, 0);
  EXPECT_EQ(load_npy(path("b.npy")).sizes(), (at::IntArrayRef{18, 4, 4, 3}));
}

}  // namespace
}  // namespace diffeo
