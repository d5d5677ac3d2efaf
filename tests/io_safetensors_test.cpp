#include "io/safetensors.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "io/files.h"
#include "io_support.h"

namespace diffeo {
namespace {

SafetensorsFile parsed(const std::string& bytes) {
  MemoryInput in("x", bytes);
  return read_safetensors(in);
}

std::string file_of(const std::string& header, const std::string& data) {
  return little_endian<uint64_t>(header.size()) + header + data;
}

std::string complaint(const std::string& header, size_t data) {
  return message_of([&] { parsed(file_of(header, std::string(data, '\0'))); });
}

NamedTensors every_type() {
  NamedTensors tensors;
  for (at::ScalarType type : {at::kBool, at::kByte, at::kChar, at::kShort, at::kInt, at::kLong,
                              at::kHalf, at::kBFloat16, at::kFloat, at::kDouble}) {
    tensors[std::string("a.") + c10::toString(type)] =
        at::arange(6).remainder(2).view({2, 3}).to(type);
  }
  tensors["scalar"] = at::scalar_tensor(2.5);
  tensors["nothing"] = at::empty({0, 3});
  tensors["näme \"quoted\""] = at::full({2}, NAN);
  return tensors;
}

std::string_view bits(const Tensor& tensor) {
  return {static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes()};
}

void expect_same(const NamedTensors& a, const NamedTensors& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [name, tensor] : a) {
    ASSERT_TRUE(b.contains(name)) << name;
    EXPECT_EQ(b.at(name).scalar_type(), tensor.scalar_type()) << name;
    EXPECT_EQ(b.at(name).sizes(), tensor.sizes()) << name;
    EXPECT_TRUE(bits(b.at(name)) == bits(tensor)) << name;
  }
}

TEST(Safetensors, RoundTripsEveryTypeThroughAFile) {
  TemporaryDirectory directory;
  NamedTensors tensors = every_type();
  Metadata metadata{{"step", "12"}, {"of", "näme\n"}};
  save_safetensors(directory / "a", tensors, metadata);
  SafetensorsFile file = load_safetensors(directory / "a");
  expect_same(tensors, file.tensors);
  EXPECT_EQ(file.metadata, metadata);
  EXPECT_EQ(read_plainly(directory / "a"), safetensors_bytes(tensors, metadata));
}

TEST(Safetensors, HoldsNoTensorAtAll) {
  EXPECT_TRUE(parsed(safetensors_bytes({})).tensors.empty());
  EXPECT_TRUE(parsed(file_of("{}", "")).tensors.empty());
}

TEST(Safetensors, WritesTheBytesOfTheFormat) {
  std::string header = R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                       R"("b":{"dtype":"U8","shape":[1],"data_offsets":[8,9]}})";
  header.resize(120, ' ');
  EXPECT_EQ(safetensors_bytes({{"b", at::full({1}, 7, at::kByte)}, {"w", at::ones({2})}}),
            file_of(header, std::string("\0\0\x80\x3f\0\0\x80\x3f\x07", 9)));
}

TEST(Safetensors, AlignsTheDataAndEachTensor) {
  std::string bytes = safetensors_bytes(every_type());
  uint64_t header;
  std::memcpy(&header, bytes.data(), 8);
  EXPECT_EQ((8 + header) % 64, 0u);
  auto described = nlohmann::json::parse(bytes.substr(8, header));
  for (const auto& [name, entry] : described.items()) {
    size_t item = parsed(bytes).tensors.at(name).element_size();
    EXPECT_EQ(entry["data_offsets"][0].get<size_t>() % item, 0u) << name;
  }
}

TEST(Safetensors, StoresViewsByTheirValues) {
  Tensor x = at::arange(12.).view({3, 4});
  x.set_requires_grad(true);
  NamedTensors back = parsed(safetensors_bytes({{"t", x.t()}, {"row", x[1]}})).tensors;
  EXPECT_TRUE(at::equal(back["t"], x.t()));
  EXPECT_TRUE(at::equal(back["row"], x[1]));
}

TEST(Safetensors, RefusesToWriteWhatTheFormatCannotHold) {
  auto message = [](const NamedTensors& tensors, const Metadata& metadata = {}) {
    return message_of([&] { safetensors_bytes(tensors, metadata); });
  };
  EXPECT_EQ(message({{"z", at::zeros({1}, at::kComplexFloat)}}),
            "tensor 'z': type ComplexFloat has no place in a safetensors file");
  EXPECT_EQ(message({{"z", Tensor()}}), "tensor 'z': has no values to store");
  EXPECT_EQ(message({{"z", at::empty({1}, at::kMeta)}}), "tensor 'z': has no values to store");
  EXPECT_EQ(message({{"__metadata__", at::zeros({1})}}),
            "a tensor cannot be named __metadata__ in a safetensors file");
  EXPECT_EQ(message({{"\xff", at::zeros({1})}}),
            "a tensor's name is not UTF-8, as a safetensors file needs");
}

TEST(Safetensors, TakesTheNamesOfFilesThatAreNotUtf8IntoItsMetadata) {
  std::string bytes = safetensors_bytes({}, {{"checkpoint", "runs/\xff"}});
  MemoryInput in("x", bytes);
  EXPECT_EQ(read_safetensors(in).metadata.at("checkpoint"), "runs/\xef\xbf\xbd");
}

TEST(Safetensors, TakesHeadersInAnyOrderAndPadded) {
  std::string header = R"({"b":{"shape":[1],"data_offsets":[1,2],"dtype":"U8"},)"
                       R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}   )";
  NamedTensors tensors = parsed(file_of(header, "\x03\x04")).tensors;
  EXPECT_EQ(tensors["a"].item<int>(), 3);
  EXPECT_EQ(tensors["b"].item<int>(), 4);
}

TEST(Safetensors, RefusesOtherFiles) {
  EXPECT_EQ(message_of([] { parsed("abc"); }),
            "x: ends within the length of the header: expected 8 bytes, found 3");
  EXPECT_EQ(message_of([] { parsed("\x89PNG\r\n\x1a\n....."); }),
            "x: the header takes 727905341920923785 bytes, at most 16777216; it is a PNG picture");
  EXPECT_EQ(message_of([] { parsed(std::string(9, '\x7f')); }),
            "x: the header takes 9187201950435737471 bytes, at most 16777216; this is not a "
            "safetensors file");
  EXPECT_EQ(message_of([] { parsed(little_endian<uint64_t>(16777216) + "{}"); }),
            "x: ends within the header: expected 16777216 bytes, found 2");
  EXPECT_EQ(complaint("[]", 0),
            "x: the header does not begin with '{'; this is not a safetensors file");
  EXPECT_EQ(complaint("", 0),
            "x: the header does not begin with '{'; this is not a safetensors file");
  EXPECT_EQ(complaint("{", 0),
            "x: header: parse error at line 1, column 2: syntax error while parsing object key - "
            "unexpected end of input; expected string literal");
}

// A header of one tensor "a".
std::string described(const std::string& dtype, const std::string& shape,
                      const std::string& offsets) {
  return R"({"a":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets +
         "}}";
}

TEST(Safetensors, RefusesDescriptionsThatMakeNoSense) {
  EXPECT_EQ(
      complaint(described("\"F8_E4M3\"", "[1]", "[0,1]"), 1),
      "x: tensor 'a': dtype \"F8_E4M3\", expected one of BOOL U8 I8 I16 I32 I64 F16 BF16 F32 F64");
  EXPECT_EQ(complaint(described("7", "[1]", "[0,1]"), 1), "x: tensor 'a': dtype is not a string");
  for (const char* shape :
       {"3", "[1.0]", "[-1]", "[\"1\"]", "[9223372036854775808]", "{\"0\":1}", "[true]"}) {
    EXPECT_EQ(complaint(described("\"U8\"", shape, "[0,1]"), 1),
              "x: tensor 'a': shape is not a list of whole numbers from 0 to 2^63 - 1")
        << shape;
  }
  for (const char* offsets : {"[1,0]", "[0]", "[0,1,1]", "[]"}) {
    EXPECT_EQ(complaint(described("\"U8\"", "[1]", offsets), 1),
              "x: tensor 'a': data_offsets are not a beginning and an end")
        << offsets;
  }
  EXPECT_EQ(complaint(described("\"U8\"", "[1,1,1,1,1,1,1,1,1]", "[0,1]"), 1),
            "x: tensor 'a': 9 dimensions, at most 8");
  EXPECT_EQ(complaint(R"({"a":{"dtype":"U8","shape":[1]}})", 1),
            "x: tensor 'a': expected exactly the keys dtype, shape and data_offsets");
  EXPECT_EQ(complaint(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"more":0}})", 1),
            "x: tensor 'a': expected exactly the keys dtype, shape and data_offsets");
  EXPECT_EQ(complaint(R"({"a":3})", 1),
            "x: tensor 'a': expected exactly the keys dtype, shape and data_offsets");
}

TEST(Safetensors, RefusesLengthsThatAreNotThoseOfTheShape) {
  EXPECT_EQ(complaint(described("\"F32\"", "[2,3]", "[0,20]"), 20),
            "x: tensor 'a': 20 bytes for F32 [2, 3], expected 24");
  EXPECT_EQ(complaint(described("\"F32\"", "[4294967296,4294967296]", "[0,0]"), 0),
            "x: tensor 'a': its shape [4294967296, 4294967296] is larger than any memory");
  EXPECT_EQ(complaint(described("\"F64\"", "[0,9223372036854775807]", "[0,0]"), 0),
            "x: tensor 'a': its shape [0, 9223372036854775807] is larger than any memory");
  EXPECT_EQ(complaint(described("\"F32\"", "[1099511627776]", "[0,4398046511104]"), 4),
            "x: the header describes 4398046511104 bytes of data, found 4");
}

// A header of two tensors of bytes.
std::string two(const std::string& shape_a, const std::string& offsets_a,
                const std::string& shape_b, const std::string& offsets_b) {
  return R"({"a":{"dtype":"U8","shape":)" + shape_a + R"(,"data_offsets":)" + offsets_a +
         R"(},"b":{"dtype":"U8","shape":)" + shape_b + R"(,"data_offsets":)" + offsets_b + "}}";
}

TEST(Safetensors, RefusesOverlappingTensors) {
  EXPECT_EQ(complaint(two("[4]", "[0,4]", "[4]", "[2,6]"), 6),
            "x: tensor 'b': its data begin at byte 2, expected 4 (tensors neither overlap nor "
            "leave holes)");
  EXPECT_EQ(complaint(two("[4]", "[0,4]", "[4]", "[0,4]"), 4),
            "x: tensor 'b': its data begin at byte 0, expected 4 (tensors neither overlap nor "
            "leave holes)");
}

TEST(Safetensors, RefusesHolesAndBytesThatBelongToNoTensor) {
  EXPECT_EQ(complaint(two("[4]", "[0,4]", "[4]", "[5,9]"), 9),
            "x: tensor 'b': its data begin at byte 5, expected 4 (tensors neither overlap nor "
            "leave holes)");
  EXPECT_EQ(complaint(described("\"U8\"", "[4]", "[1,5]"), 5),
            "x: tensor 'a': its data begin at byte 1, expected 0 (tensors neither overlap nor "
            "leave holes)");
  EXPECT_EQ(complaint(described("\"U8\"", "[4]", "[0,4]"), 5),
            "x: the header describes 4 bytes of data, found 5");
  EXPECT_EQ(complaint(described("\"U8\"", "[4]", "[0,4]"), 3),
            "x: the header describes 4 bytes of data, found 3");
}

TEST(Safetensors, RefusesANameThatStandsTwice) {
  std::string one = R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  EXPECT_EQ(complaint("{" + one + "," + one + "}", 1),
            "x: header: the key \"a\" stands twice in one object");
  EXPECT_EQ(complaint(R"({"__metadata__":{"k":"1","k":"2"}})", 0),
            "x: header: the key \"k\" stands twice in one object");
  EXPECT_EQ(complaint(R"({"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1),
            "x: header: the key \"dtype\" stands twice in one object");
}

TEST(Safetensors, RefusesMetadataThatAreNotStrings) {
  EXPECT_EQ(complaint(R"({"__metadata__":{"k":1}})", 0),
            "x: __metadata__ is not an object of strings");
  EXPECT_EQ(complaint(R"({"__metadata__":[]})", 0), "x: __metadata__ is not an object of strings");
}

TEST(Safetensors, RefusesABoolThatIsNeitherTrueNorFalse) {
  EXPECT_EQ(message_of([] { parsed(file_of(described("\"BOOL\"", "[2]", "[0,2]"), "\x01\x02")); }),
            "x: tensor 'a': a bool that is neither 0 nor 1");
}

TEST(Safetensors, RefusesEveryTruncation) {
  std::string bytes = safetensors_bytes(every_type(), {{"k", "v"}});
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_NE(message_of([&] { parsed(bytes.substr(0, size)); }), "no error") << size;
  }
}

TEST(Safetensors, EndsInAValueOrAnErrorWhateverTheBytes) {
  NamedTensors small{
      {"a", at::ones({2, 3})}, {"b", at::ones({3}, at::kBool)}, {"c", at::ones({}, at::kLong)}};
  expect_values_or_errors(safetensors_bytes(small, {{"k", "v"}}), 20000,
                          [](const std::string& b) { parsed(b); });
}

TEST(Safetensors, SaysWithTheExitOfTheCallerWhatIsMissing) {
  Complaint found =
      complaint_of([] { load_safetensors("/nowhere/a.safetensors", Exit::kCheckpoint); });
  EXPECT_EQ(found.message,
            "/nowhere/a.safetensors: no such file, the folder /nowhere does not exist either");
  EXPECT_EQ(found.exit, Exit::kCheckpoint);
}

}  // namespace
}  // namespace diffeo
