// What the tests of src/io/ share.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <string>

#include "core/error.h"

namespace diffeo {

// A new directory, removed with all it holds.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "diffeo-io-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// The message and the exit of the Error that `act` ends in.
struct Complaint {
  std::string message = "no error";
  Exit exit = Exit::kDone;
};
inline Complaint complaint_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    return {error.what(), error.exit()};
  }
  return {};
}
inline std::string message_of(const std::function<void()>& act) {
  return complaint_of(act).message;
}

inline void write_plainly(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}
inline std::string read_plainly(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Bytes of a number as the file has it, least significant first.
template <class T>
std::string little_endian(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

// One to four accidents: bytes flipped, cut off, inserted, repeated, set to the ends of their
// range.
inline std::string mutated(std::string bytes, std::mt19937& random) {
  auto below = [&](size_t n) { return n == 0 ? 0 : random() % n; };
  for (size_t accidents = 1 + below(4); accidents > 0; --accidents) {
    size_t at = below(bytes.size()), count = std::min(bytes.size() - at, 1 + below(8));
    switch (below(6)) {
      case 0:
        if (!bytes.empty()) bytes[at] ^= static_cast<char>(1 << below(8));
        break;
      case 1:
        if (!bytes.empty()) bytes[at] = static_cast<char>(random());
        break;
      case 2: bytes.resize(at); break;
      case 3: bytes.insert(at, 1 + below(16), static_cast<char>(random())); break;
      case 4: bytes.insert(at, bytes.substr(below(bytes.size()), 1 + below(32))); break;
      case 5: bytes.replace(at, count, count, below(2) ? '\xff' : '\0'); break;
    }
  }
  return bytes;
}

// Every mutation of `bytes` must end in a value or an Error. Most must end in an Error, or the
// mutations are idle.
inline void expect_values_or_errors(const std::string& bytes, int rounds,
                                    const std::function<void(const std::string&)>& read) {
  std::mt19937 random(7);
  int errors = 0;
  for (int round = 0; round < rounds; ++round) {
    std::string mutation = mutated(bytes, random);
    try {
      read(mutation);
    } catch (const Error&) {
      ++errors;
    } catch (const std::exception& other) {
      FAIL() << "round " << round << ": " << other.what();
    }
  }
  EXPECT_GT(errors, rounds / 4);
}

}  // namespace diffeo
