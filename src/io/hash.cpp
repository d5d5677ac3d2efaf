#include "io/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <memory>

#include "io/files.h"

namespace diffeo {
namespace {

constexpr uint64_t kHashedAtOnce = uint64_t{1} << 20;

std::string hash_digits(XXH128_hash_t hash) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, hash);
  std::string digits;
  for (unsigned char byte : canonical.digest) {
    digits += "0123456789abcdef"[byte >> 4];
    digits += "0123456789abcdef"[byte & 15];
  }
  return digits;
}

}  // namespace

std::string xxh3_128(std::string_view bytes) {
  return hash_digits(XXH3_128bits(bytes.data(), bytes.size()));
}

std::string xxh3_128_of_file(const std::filesystem::path& path, Exit exit) {
  FileInput in(path, exit);
  std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> state(XXH3_createState(),
                                                                        XXH3_freeState);
  require(state != nullptr, "out of memory");
  XXH3_128bits_reset(state.get());
  std::string block(std::min(in.remaining(), kHashedAtOnce), '\0');
  while (in.remaining() > 0) {
    uint64_t count = std::min<uint64_t>(in.remaining(), block.size());
    in.read(block.data(), count, "the file");
    XXH3_128bits_update(state.get(), block.data(), count);
  }
  return hash_digits(XXH3_128bits_digest(state.get()));
}

}  // namespace diffeo
