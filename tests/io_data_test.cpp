// Readers of data sets: IDX and gzip, CIFAR-10, npy.

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "io/cifar.h"
#include "io/file_kind.h"
#include "io/files.h"
#include "io/gz.h"
#include "io/idx.h"
#include "io/npy.h"
#include "io/png.h"
#include "io/safetensors.h"
#include "io_support.h"

namespace diffeo {
namespace {

using namespace std::string_literals;

std::string gzipped(const std::string& bytes) {
  z_stream stream = {};
  deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

Tensor idx(const std::string& bytes) {
  MemoryInput in("x", bytes);
  return read_idx(in);
}

Tensor packed_idx(const std::string& bytes) {
  GzInput in(std::make_unique<MemoryInput>("x", bytes));
  return read_idx(in);
}

const std::string kSmallIdx = "\0\0\x08\x02\0\0\0\x02\0\0\0\x03"s + "\x01\x02\x03\x04\x05\x06";

TEST(Idx, ReadsEveryType) {
  EXPECT_TRUE(at::equal(idx(kSmallIdx), at::arange(1, 7, at::kByte).view({2, 3})));
  auto two = [](char type, const std::string& elements) {
    return idx("\0\0"s + type + "\x01\0\0\0\x02"s + elements);
  };
  EXPECT_TRUE(at::equal(two(0x09, "\x01\xff"), at::tensor({1, -1}, at::kChar)));
  EXPECT_TRUE(at::equal(two(0x0b, "\x01\x02\xff\xfe"), at::tensor({258, -2}, at::kShort)));
  EXPECT_TRUE(
      at::equal(two(0x0c, "\0\0\x01\x02\xff\xff\xff\xfe"s), at::tensor({258, -2}, at::kInt)));
  EXPECT_TRUE(at::equal(two(0x0d, "\x3f\x80\0\0\xc0\0\0\0"s), at::tensor({1., -2.}, at::kFloat)));
  EXPECT_TRUE(at::equal(two(0x0e, "\x3f\xf0\0\0\0\0\0\0\xc0\0\0\0\0\0\0\0"s),
                        at::tensor({1., -2.}, at::kDouble)));
}

TEST(Idx, ReadsPackedAndPlainFilesAlike) {
  TemporaryDirectory directory;
  write_plainly(directory / "a", kSmallIdx);
  write_plainly(directory / "b", gzipped(kSmallIdx));
  EXPECT_TRUE(at::equal(load_idx(directory / "a"), load_idx(directory / "b")));
}

TEST(Idx, SaysWhatIsWrong) {
  auto message = [](const std::string& bytes) { return message_of([&] { idx(bytes); }); };
  EXPECT_EQ(message("\x89PNG"),
            "x: does not begin with two zeros as an IDX file does; it is a PNG picture");
  EXPECT_EQ(message("\0\0\x0a\x01"s), "x: IDX type 10, expected 8, 9, 11, 12, 13 or 14");
  EXPECT_EQ(message("\0\0\x08\x00"s), "x: 0 dimensions, expected 1 to 4");
  EXPECT_EQ(message("\0\0\x08\x05"s), "x: 5 dimensions, expected 1 to 4");
  EXPECT_EQ(message("\0\0\x08\x01\0\0\0\0"s),
            "x: a dimension of size 0, expected at least one element");
  EXPECT_EQ(message(kSmallIdx.substr(0, 17)),
            "x: its header promises [2, 3] of 1 bytes each, more than the file can hold");
  EXPECT_EQ(message("\0\0\x0e\x04"s + std::string(16, '\xff') + "abc"),
            "x: its header promises [4294967295, 4294967295, 4294967295, 4294967295] of 8 bytes "
            "each, more than the "
            "file can hold");
  EXPECT_EQ(message(kSmallIdx + "ab"), "x: 2 bytes too many at the end");
  for (size_t size = 0; size < kSmallIdx.size(); ++size) {
    EXPECT_NE(message(kSmallIdx.substr(0, size)), "no error") << size;
  }
}

TEST(Idx, EndsInAValueOrAnErrorWhateverTheBytes) {
  expect_values_or_errors(kSmallIdx, 20000, [](const std::string& bytes) { idx(bytes); });
  expect_values_or_errors(gzipped(kSmallIdx), 20000,
                          [](const std::string& bytes) { packed_idx(bytes); });
}

TEST(Idx, ReadsFashionMnist) {
  std::filesystem::path folder = "/usr/share/datasets/fashion-mnist";
  if (!std::filesystem::exists(folder))
    GTEST_SKIP() << folder << " is not there (package dataset-fashion-mnist)";
  Tensor images = load_idx(folder / "t10k-images-idx3-ubyte.gz");
  Tensor labels = load_idx(folder / "t10k-labels-idx1-ubyte.gz");
  EXPECT_EQ(images.sizes(), at::IntArrayRef({10000, 28, 28}));
  EXPECT_TRUE(at::equal(at::bincount(labels), at::full({10}, 1000, at::kLong)));
  EXPECT_NEAR(images.to(at::kDouble).mean().item<double>() / 255, 0.2868, 1e-4);
}

TEST(GzInput, RefusesEveryTruncation) {
  std::string packed = gzipped(kSmallIdx);
  for (size_t size = 0; size < packed.size(); ++size) {
    EXPECT_EQ(message_of([&] { packed_idx(packed.substr(0, size)); }),
              "x: the gzip file is cut off")
        << size;
  }
}

TEST(GzInput, VerifiesChecksumAndLength) {
  std::string packed = gzipped(kSmallIdx);
  packed[packed.size() - 8] ^= 1;
  EXPECT_EQ(message_of([&] { packed_idx(packed); }),
            "x: not a whole gzip file: incorrect data check");
  packed[packed.size() - 8] ^= 1;
  packed[packed.size() - 4] ^= 1;
  EXPECT_EQ(message_of([&] { packed_idx(packed); }),
            "x: not a whole gzip file: incorrect length check");
}

TEST(GzInput, RefusesWhatFollows) {
  EXPECT_EQ(message_of([] { packed_idx(gzipped(kSmallIdx) + "ab"); }),
            "x: 2 bytes too many after the packed ones");
  EXPECT_EQ(message_of([] { packed_idx(gzipped(kSmallIdx + "a")); }),
            "x: unpacked, holds more than expected");
  EXPECT_EQ(message_of([] { packed_idx(gzipped(kSmallIdx) + gzipped("more")); }),
            "x: unpacked, holds more than expected");
  EXPECT_EQ(message_of([] { packed_idx(gzipped(kSmallIdx) + std::string(9, '\0') + "a"); }),
            "x: 10 bytes too many after the packed ones");
}

// As gzip writes what it is given in turn, and as tapes and object stores fill up.
TEST(GzInput, ReadsMembersOneAfterAnotherAndZerosAfterThem) {
  Tensor expected = idx(kSmallIdx);
  std::string members;
  for (char byte : kSmallIdx) members += gzipped("") + gzipped(std::string(1, byte));
  EXPECT_TRUE(at::equal(packed_idx(members), expected));
  for (size_t zeros : {1, 511, 200000}) {
    EXPECT_TRUE(at::equal(packed_idx(members + std::string(zeros, '\0')), expected)) << zeros;
  }
  for (size_t size = 0; size < members.size(); ++size) {
    EXPECT_NE(message_of([&] { packed_idx(members.substr(0, size)); }), "no error") << size;
  }
  members[members.size() - 4] ^= 1;  // the length of the last one
  EXPECT_NE(message_of([&] { packed_idx(members); }), "no error");
}

TEST(GzInput, SaysWhereTheUnpackedBytesEnd) {
  EXPECT_EQ(message_of([] { packed_idx(gzipped(kSmallIdx.substr(0, 16))); }),
            "x: unpacked, ends within the elements: expected 6 bytes, found 4");
}

TEST(GzInput, TakesNoMemoryForWhatCannotBeInTheFile) {
  std::string header = "\0\0\x08\x02\x00\x10\0\0\x00\x10\0\0"s;  // 2^40 elements
  EXPECT_EQ(
      message_of([&] { packed_idx(gzipped(header)); }),
      "x: its header promises [1048576, 1048576] of 1 bytes each, more than the file can hold");
}

TEST(GzInput, UnpacksWhatIsPackedAsTightlyAsCanBe) {
  std::string bytes(10 << 20, '\0'), packed = gzipped(bytes);
  GzInput in(std::make_unique<MemoryInput>("x", packed));
  EXPECT_EQ(in.read_text(bytes.size(), "the zeros"), bytes);
  in.finish();
}

std::string cifar_record(char label, char first_red) {
  std::string record(3073, '\0');
  record[0] = label;
  record[1] = first_red;
  record[1 + 1024] = 20;           // green
  record[1 + 2 * 1024 + 33] = 30;  // blue of row 1, column 1
  return record;
}

TEST(Cifar10, ReadsPlanarRecordsOfAllFilesInOrder) {
  TemporaryDirectory directory;
  write_plainly(directory / "data_batch_2.bin", cifar_record(7, 3));
  write_plainly(directory / "data_batch_1.bin", cifar_record(1, 1) + cifar_record(9, 2));
  write_plainly(directory / "test_batch.bin", cifar_record(0, 9));
  write_plainly(directory / "batches.meta.txt", "airplane\n");
  LabelledImages train = load_cifar10(cifar10_files(directory.path(), Cifar10Part::kTrain));
  EXPECT_TRUE(at::equal(train.labels, at::tensor({1, 9, 7}, at::kLong)));
  EXPECT_EQ(train.images.sizes(), at::IntArrayRef({3, 3, 32, 32}));
  EXPECT_EQ(train.images.scalar_type(), at::kByte);
  EXPECT_TRUE(at::equal(train.images.select(1, 0).select(1, 0).select(1, 0),
                        at::tensor({1, 2, 3}, at::kByte)));
  EXPECT_EQ(train.images[2][1][0][0].item<int>(), 20);
  EXPECT_EQ(train.images[2][2][1][1].item<int>(), 30);
  LabelledImages test = load_cifar10(cifar10_files(directory.path(), Cifar10Part::kTest));
  EXPECT_EQ(test.images[0][0][0][0].item<int>(), 9);
}

TEST(Cifar10, FindsFilesNamedAfterTheirPart) {
  TemporaryDirectory directory;
  write_plainly(directory / "train.bin", cifar_record(1, 1));
  write_plainly(directory / "test.bin", cifar_record(2, 1));
  EXPECT_EQ(cifar10_files(directory.path(), Cifar10Part::kTrain),
            std::vector{directory / "train.bin"});
  EXPECT_EQ(cifar10_files(directory.path(), Cifar10Part::kTest),
            std::vector{directory / "test.bin"});
}

TEST(Cifar10, SaysWhatIsWrong) {
  TemporaryDirectory directory;
  std::string folder = directory.path().string(), file = (directory / "a.bin").string();
  EXPECT_EQ(message_of([&] { cifar10_files(directory.path(), Cifar10Part::kTrain); }),
            folder + ": holds neither data_batch_*.bin nor train.bin (CIFAR-10, binary version)");
  EXPECT_EQ(message_of([&] { cifar10_files(directory.path(), Cifar10Part::kTest); }),
            folder + ": holds neither test_batch.bin nor test.bin (CIFAR-10, binary version)");
  EXPECT_EQ(message_of([&] { cifar10_files(directory / "none", Cifar10Part::kTrain); }),
            folder + "/none: cannot be read as a folder: no such file or directory");
  auto message = [&](const std::string& bytes) {
    write_plainly(directory / "a.bin", bytes);
    return message_of([&] { load_cifar10({directory / "a.bin"}); });
  };
  EXPECT_EQ(
      message(cifar_record(3, 0) + "abc"),
      file + ": holds 3076 bytes, expected a multiple of 3073 (a label and 3 x 32 x 32 bytes)");
  EXPECT_EQ(message(cifar_record(3, 0) + "a"),
            file +
                ": holds 3074 bytes, expected a multiple of 3073 (a label and 3 x 32 x 32 bytes); "
                "it looks like CIFAR-100");
  EXPECT_EQ(message(cifar_record(9, 0) + cifar_record(10, 0)),
            file + ": record 1 has the label 10, expected 0 to 9");
  EXPECT_EQ(message(""), file + ": is empty");
  EXPECT_EQ(message_of([] { load_cifar10({}); }), "no files to read CIFAR-10 from");
}

Tensor npy(const std::string& bytes, const NpyOptions& options = {}) {
  MemoryInput in("x", bytes);
  return read_npy(in, options);
}

std::string npy_file(const std::string& header, const std::string& elements, char version = 1) {
  std::string length = little_endian<uint32_t>(header.size()).substr(0, version == 1 ? 2 : 4);
  return "\x93NUMPY"s + version + '\0' + length + header + elements;
}

TEST(Npy, RoundTripsEveryType) {
  for (at::ScalarType type :
       {at::kBool, at::kByte, at::kChar, at::kShort, at::kInt, at::kLong, at::kHalf, at::kFloat,
        at::kDouble, at::kUInt16, at::kUInt32, at::kUInt64}) {
    Tensor x = at::arange(6).remainder(2).view({2, 3}).to(type);
    Tensor back = npy(npy_bytes(x));
    EXPECT_EQ(back.scalar_type(), type);
    EXPECT_EQ(back.sizes(), x.sizes());
    EXPECT_EQ(std::memcmp(back.const_data_ptr(), x.const_data_ptr(), x.nbytes()), 0) << type;
  }
  EXPECT_EQ(npy(npy_bytes(at::scalar_tensor(2.5))).sizes(), at::IntArrayRef());
  EXPECT_EQ(npy(npy_bytes(at::empty({0, 3}))).sizes(), at::IntArrayRef({0, 3}));
  EXPECT_TRUE(
      at::equal(npy(npy_bytes(at::arange(6).view({2, 3}).t())), at::arange(6).view({2, 3}).t()));
}

TEST(Npy, WritesTheBytesOfNumpy) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
  EXPECT_EQ(
      npy_bytes(at::ones({2})),
      npy_file(header + std::string(117 - header.size(), ' ') + "\n", "\0\0\x80\x3f\0\0\x80\x3f"s));
  EXPECT_EQ(message_of([] { npy_bytes(at::zeros({1}, at::kBFloat16)); }),
            "type BFloat16 has no place in an npy file");
}

TEST(Npy, SavesToAFile) {
  TemporaryDirectory directory;
  save_npy(directory / "a.npy", at::arange(4.));
  EXPECT_TRUE(at::equal(load_npy(directory / "a.npy"), at::arange(4.)));
}

TEST(Npy, MapsLargeFilesInsteadOfReadingThem) {
  TemporaryDirectory directory;
  auto loaded = [&](const Tensor& saved, int64_t from) {
    save_npy(directory / "a.npy", saved);
    Tensor found = load_npy(directory / "a.npy", {.finite = true, .mapped_from = from});
    EXPECT_TRUE(at::equal(found, saved));
    return found.storage().nbytes();  // a mapped array's has the header, too
  };
  for (Tensor array : {at::arange(6.), at::arange(6.).to(at::kFloat), at::arange(6, at::kByte)}) {
    size_t bytes = array.nbytes();
    EXPECT_GT(loaded(array.view({2, 3}), 6), bytes);
    EXPECT_EQ(loaded(array.view({2, 3}), 49), bytes);
  }
  loaded(at::zeros({0, 3}), 0);
  loaded(at::tensor(2.5), 0);
  loaded(at::ones({2}, at::kBool), 0);
  Tensor bad = at::zeros({3, 2});
  bad[2][1] = NAN;
  EXPECT_NE(message_of([&] { loaded(bad, 0); }).find("element [2, 1] is nan"), std::string::npos);
}

TEST(Npy, ReadsTheHeadersThatAreAbout) {
  Tensor expected = at::tensor({1, 2}, at::kByte);
  for (const char* header :
       {"{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }   \n",
        "{\"shape\":(2L,),\"fortran_order\":True,\"descr\":\"|u1\"}",
        " { 'fortran_order' : False , 'shape' : ( 2 ) , 'descr' : '|u1' } \n"}) {
    for (char version : {1, 2, 3})
      EXPECT_TRUE(at::equal(npy(npy_file(header, "\x01\x02", version)), expected));
  }
}

TEST(Npy, TurnsFortranOrderRound) {
  std::string header = "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }";
  EXPECT_TRUE(at::equal(npy(npy_file(header, "\x01\x04\x02\x05\x03\x06")),
                        at::arange(1, 7, at::kByte).view({2, 3})));
  EXPECT_TRUE(npy(npy_file(header, "\x01\x04\x02\x05\x03\x06")).is_contiguous());
  Tensor wide =
      npy(npy_file("{'descr': '<u2', 'fortran_order': True, 'shape': (2, 1), }", "\x01\0\x02\0"s));
  EXPECT_EQ(wide.scalar_type(), at::kUInt16);
}

TEST(Npy, SaysWhatIsWrong) {
  auto message = [](const std::string& header, const std::string& elements = "ab") {
    return message_of([&] { npy(npy_file(header, elements)); });
  };
  auto of = [](const std::string& descr, const std::string& shape) {
    return "{'descr': " + descr + ", 'fortran_order': False, 'shape': " + shape + ", }\n";
  };
  EXPECT_EQ(message(of("'>f4'", "(2,)")),
            "x: dtype '>f4', expected a little-endian number as '<f4' or '|u1'; convert "
            "it with x.astype('<f4')");
  EXPECT_EQ(message(of("'|O'", "(2,)")),
            "x: dtype '|O', expected a little-endian number as '<f4' or '|u1'; Python objects are "
            "never read");
  EXPECT_EQ(message(of("'<U3'", "(2,)")),
            "x: dtype '<U3', expected a little-endian number as '<f4' or '|u1'");
  EXPECT_EQ(message(of("[('a', '<f4')]", "(2,)")),
            "x: header: a structured dtype, expected one number an element");
  EXPECT_EQ(message(of("'|u1'", "(3,)")), "x: [3] of |u1 takes 3 bytes, found 2");
  EXPECT_EQ(message(of("'|u1'", "(1,)")), "x: [1] of |u1 takes 1 bytes, found 2");
  EXPECT_EQ(message(of("'<f8'", "(4294967296, 4294967296)")),
            "x: its shape [4294967296, 4294967296] is larger than any memory");
  EXPECT_EQ(message(of("'<f8'", "(0, 9223372036854775807)"), ""),
            "x: its shape [0, 9223372036854775807] is larger than any memory");
  EXPECT_EQ(message(of("'|u1'", "(9223372036854775808,)")),
            "x: header: expected a size from 0 to 2^63 - 1 at character 52");
  EXPECT_EQ(message(of("'|u1'", "(-2,)")),
            "x: header: expected a size from 0 to 2^63 - 1 at character 52");
  EXPECT_EQ(message(of("'|u1'", "(1,1,1,1,1,1,1,1,2)")), "x: 9 dimensions, at most 8");
  EXPECT_EQ(message(of("'|u1'", "[2]")), "x: header: expected '(' at character 51");
  EXPECT_EQ(message("{'descr': '|u1', 'descr': '|u1'}"), "x: header: the key 'descr' stands twice");
  EXPECT_EQ(message("{'descr': '|u1', 'shape': (2,)}"),
            "x: header: expected the keys descr, fortran_order and shape, found only 2 of them");
  EXPECT_EQ(message("{'name': '|u1'}"),
            "x: header: unknown key 'name', expected descr, fortran_order and shape");
  EXPECT_EQ(message("{'fortran_order': 0}"), "x: header: expected True or False at character 19");
  EXPECT_EQ(message("{'descr': '|u1"), "x: header: expected a string that ends at character 12");
  EXPECT_EQ(message(of("'|u1'", "(2,)") + "import os"),
            "x: header: expected its end at character 59");
  EXPECT_EQ(message(of("'|b1'", "(2,)")), "x: the elements: a bool that is neither 0 nor 1");
}

TEST(Npy, RefusesOtherFilesAndHugeHeaders) {
  auto message = [](const std::string& bytes) { return message_of([&] { npy(bytes); }); };
  EXPECT_EQ(message("PK\x03\x04 an archive"),
            "x: does not begin as an npy file does; it is a zip archive, as numpy.savez and "
            "torch.save write; save one array with numpy.save");
  EXPECT_EQ(message("\x93NU"), "x: does not begin as an npy file does");
  EXPECT_EQ(message("\x93NUMPY\x04\0"s), "x: npy version 4.0, expected 1.0, 2.0 or 3.0");
  EXPECT_EQ(message("\x93NUMPY\x02\0\xff\xff\xff\xff"s),
            "x: the header takes 4294967295 bytes, at most 65536");
  std::string whole = npy_bytes(at::ones({3}));
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_NE(message(whole.substr(0, size)), "no error") << size;
}

TEST(Npy, NamesTheFirstNumberThatIsNotFiniteWhereAsked) {
  Tensor x = at::zeros({3, 2});
  x[1][1] = NAN;
  x[2][0] = INFINITY;
  EXPECT_EQ(message_of([&] { npy(npy_bytes(x), {.finite = true}); }),
            "x: element [1, 1] is nan, expected finite numbers");
  EXPECT_TRUE(std::isnan(npy(npy_bytes(x))[1][1].item<float>()));
  EXPECT_EQ(message_of([] { npy(npy_bytes(at::full({}, -INFINITY)), {.finite = true}); }),
            "x: element [] is -inf, expected finite numbers");
}

TEST(Npy, EndsInAValueOrAnErrorWhateverTheBytes) {
  std::string header = "{'descr': '<f2', 'fortran_order': True, 'shape': (2, 3), }\n";
  expect_values_or_errors(npy_file(header, std::string(12, '\x3c')), 20000,
                          [](const std::string& bytes) { npy(bytes, {.finite = true}); });
}

// ---- files that are something else ----

TEST(ActualKind, NamesWhatAReaderFoundInstead) {
  const std::vector<std::pair<std::string, std::string>> all{
      {"\x1f\x8b\x08"s, "a gzip file, unpack it first"},
      {"BZh91AY", "a bzip2 file, unpack it first"},
      {"\xfd"
       "7zXZ"s +
           "\0"s,
       "an xz file, unpack it first"},
      {"\x28\xb5\x2f\xfd"s, "a zstd file, unpack it first"},
      {"\x89HDF\r\n\x1a\n"s, "an HDF5 file; convert its data set with numpy.save"},
      {"\x89PNG\r\n\x1a\n"s, "a PNG picture"},
      {"\xff\xd8\xff\xe0"s, "a JPEG picture"},
      {"\x80\x04\x95"s, "a Python pickle, which is never read"},
      {"\0\0\x08\x03\0\0\xea\x60"s, "an IDX file"},
      {"<!DOCTYPE html><html>", "a web page, perhaps of a download that failed"},
      {"version https://git-lfs.github.com/spec/v1",
       "a pointer of Git LFS; fetch the file with git lfs pull"},
      {"1.0,2.0,3.0\n", "a text file"}};
  for (const auto& [bytes, words] : all) {
    MemoryInput npy_file("x", bytes);
    EXPECT_EQ(message_of([&] { read_npy(npy_file); }),
              "x: does not begin as an npy file does; it is " + words);
  }
  EXPECT_EQ(actual_kind("\x01\x02\x03\x04"), "");
  EXPECT_EQ(message_of([] { idx(npy_bytes(at::ones({3}))); }),
            "x: does not begin with two zeros as an IDX file does; it is an npy file");
}

TEST(ActualKind, IsToldByEveryReader) {
  TemporaryDirectory directory;
  write_plainly(directory / "x", "<html>404</html>");
  std::string place = (directory / "x").string();
  EXPECT_EQ(message_of([&] { load_cifar10({directory / "x"}); }),
            place +
                ": holds 16 bytes, expected a multiple of 3073 (a label and 3 x 32 x 32 bytes)"
                "; it is a web page, perhaps of a download that failed");
  EXPECT_EQ(message_of([&] { load_png(directory / "x"); }),
            place +
                ": not a whole PNG picture: Not a PNG file; it is a web page, perhaps of a "
                "download that failed");
  EXPECT_EQ(message_of([&] { load_safetensors(directory / "x"); }),
            place +
                ": the header takes 3473469848023230524 bytes, at most 16777216; it is a web "
                "page, perhaps of a download that failed");
}

}  // namespace
}  // namespace diffeo
