#include "io/npy.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <bit>

#include "io/durable.h"
#include "io/elements.h"
#include "io/file_kind.h"
#include "io/files.h"
#include "io/npy_header.h"

namespace diffeo {
namespace {

static_assert(std::endian::native == std::endian::little, "the types below are little-endian");

constexpr std::string_view kNpyMagic = "\x93NUMPY";
constexpr uint64_t kMaxNpyHeader = uint64_t{64} << 10;
constexpr size_t kMaxNpyDimensions = 8;
constexpr size_t kNpyAlignment = 64;
constexpr int64_t kNumbersOfBlock = int64_t{1} << 20;  // that are looked at together

constexpr std::array kNpyTypes{
    std::pair{"|b1", at::kBool},   std::pair{"|u1", at::kByte},   std::pair{"|i1", at::kChar},
    std::pair{"<i2", at::kShort},  std::pair{"<i4", at::kInt},    std::pair{"<i8", at::kLong},
    std::pair{"<u2", at::kUInt16}, std::pair{"<u4", at::kUInt32}, std::pair{"<u8", at::kUInt64},
    std::pair{"<f2", at::kHalf},   std::pair{"<f4", at::kFloat},  std::pair{"<f8", at::kDouble}};

at::ScalarType npy_type(const Input& in, const std::string& descr) {
  for (auto [name, type] : kNpyTypes) {
    if (descr == name) return type;
  }
  bool object = descr.ends_with('O'), big = descr.starts_with('>');
  in.fail("dtype '", descr, "', expected a little-endian number as '<f4' or '|u1'",
          object ? "; Python objects are never read"
          : big  ? "; convert it with x.astype('<f4')"
                 : "");
}

const char* npy_descr(at::ScalarType wanted) {
  for (auto [name, type] : kNpyTypes) {
    if (type == wanted) return name;
  }
  fail("type ", c10::toString(wanted), " has no place in an npy file");
}

NpyHeader read_npy_header(Input& in) {
  std::string start = in.read_text(std::min<uint64_t>(in.remaining(), kNpyMagic.size()), "");
  if (start != kNpyMagic) in.fail("does not begin as an npy file does", actual_kind(in, start));
  int major = in.read_value<uint8_t>("the version"), minor = in.read_value<uint8_t>("the version");
  in.require(1 <= major && major <= 3 && minor == 0, "npy version ", major, ".", minor,
             ", expected 1.0, 2.0 or 3.0");
  uint64_t length = major == 1 ? in.read_value<uint16_t>("the length of the header")
                               : in.read_value<uint32_t>("the length of the header");
  in.require(length <= kMaxNpyHeader, "the header takes ", length, " bytes, at most ",
             kMaxNpyHeader);
  return parse_npy_header(in, in.read_text(length, "the header"));
}

[[noreturn]] void refuse_element(const Input& in, Tensor value, const Shape& place) {
  for (int64_t i : place) value = value[i];
  in.fail("element ", to_string(place), " is ", value.item<double>(), ", expected finite numbers");
}

// In blocks, since the array may be larger than memory.
void require_finite(const Input& in, const Tensor& tensor) {
  Tensor all = tensor.dim() == 0 ? tensor.unsqueeze(0) : tensor;
  int64_t rows =
      std::max<int64_t>(1, kNumbersOfBlock / std::max<int64_t>(1, numel(event_shape(all))));
  for (int64_t first = 0; first < all.size(0); first += rows) {
    Tensor block = all.narrow(0, first, std::min(rows, all.size(0) - first));
    Tensor wrong = at::isfinite(block).logical_not_();
    if (!wrong.any().item<bool>()) continue;
    Tensor index = wrong.nonzero()[0];
    Shape place{first + index[0].item<int64_t>()};
    for (int64_t d = 1; d < index.size(0); ++d) place.push_back(index[d].item<int64_t>());
    refuse_element(in, tensor, tensor.dim() == 0 ? Shape() : place);
  }
}

// Fortran order is C order of the dimensions turned round.
Tensor from_fortran(const Tensor& reversed) {
  Shape order;
  for (int64_t d = reversed.dim() - 1; d >= 0; --d) order.push_back(d);
  return reversed.permute(order).contiguous();
}

// What stands before the elements, of which there may be none yet.
std::string start_of_npy(const Tensor& outline) {
  std::string text =
      npy_header_text({npy_descr(outline.scalar_type()), false, outline.sizes().vec()});
  constexpr size_t kBefore = kNpyMagic.size() + 4;  // magic, version, length
  size_t spaces = kNpyAlignment - 1 - (kBefore + text.size()) % kNpyAlignment;
  text.append(spaces, ' ').append("\n");
  std::string bytes(kNpyMagic);
  bytes.append(
      {'\x01', '\0', static_cast<char>(text.size() & 255), static_cast<char>(text.size() >> 8)});
  return bytes.append(text);
}

// The array that comes next.
struct NpyOutline {
  at::ScalarType type;
  Shape shape;
  bool fortran_order;
};

NpyOutline read_npy_outline(Input& in) {
  NpyHeader header = read_npy_header(in);
  at::ScalarType type = npy_type(in, header.descr);
  const Shape& shape = header.shape;
  in.require(shape.size() <= kMaxNpyDimensions, shape.size(), " dimensions, at most ",
             kMaxNpyDimensions);
  auto bytes = bytes_of(shape, static_cast<int64_t>(c10::elementSize(type)));
  in.require(bytes.has_value(), "its shape ", to_string(shape), " is larger than any memory");
  in.require(static_cast<uint64_t>(*bytes) == in.remaining(), to_string(shape), " of ",
             header.descr, " takes ", *bytes, " bytes, found ", in.remaining());
  return {type, shape, header.fortran_order};
}

Tensor read_array(Input& in, const NpyOutline& outline) {
  Shape shape = outline.shape;
  if (outline.fortran_order) std::reverse(shape.begin(), shape.end());
  Tensor tensor = read_elements(in, shape, outline.type, "the elements");
  return outline.fortran_order ? from_fortran(tensor) : tensor;
}

// Booleans are checked one by one and Fortran order is turned round, which needs a copy; and
// elements can be used where they lie only from a place that their size divides, as NumPy sees to.
bool can_be_mapped(const NpyOutline& outline, int64_t start, int64_t bytes,
                   std::optional<int64_t> from) {
  auto size = static_cast<int64_t>(c10::elementSize(outline.type));
  return from && bytes >= *from && bytes > 0 && !outline.fortran_order &&
         outline.type != at::kBool && start % size == 0;
}

Tensor mapped_array(const std::filesystem::path& path, const NpyOutline& outline, int64_t start,
                    int64_t bytes) {
  at::TensorOptions options(at::kByte);
  Tensor file = at::from_file(path.string(), /*shared=*/false, start + bytes, options);
  return file.narrow(0, start, bytes).view(outline.type).view(outline.shape);
}

Tensor checked(const Input& in, const NpyOptions& options, const Tensor& tensor) {
  if (options.finite && tensor.is_floating_point()) require_finite(in, tensor);
  return tensor;
}

}  // namespace

Tensor read_npy(Input& in, const NpyOptions& options) {
  return checked(in, options, read_array(in, read_npy_outline(in)));
}

Tensor load_npy(const std::filesystem::path& path, const NpyOptions& options, Exit exit) {
  FileInput in(path, exit);
  auto all = static_cast<int64_t>(in.remaining());
  NpyOutline outline = read_npy_outline(in);
  auto bytes = static_cast<int64_t>(in.remaining());
  bool is_mapped = can_be_mapped(outline, all - bytes, bytes, options.mapped_from);
  return checked(
      in, options,
      is_mapped ? mapped_array(path, outline, all - bytes, bytes) : read_array(in, outline));
}

std::string npy_bytes(const Tensor& tensor) {
  Tensor host = tensor.detach().to(at::kCPU).contiguous();
  return start_of_npy(host).append(static_cast<const char*>(host.const_data_ptr()), host.nbytes());
}

void save_npy(const std::filesystem::path& path, const Tensor& tensor) {
  write_durably(path, npy_bytes(tensor));
}

NpyWriter::NpyWriter(const std::filesystem::path& path, const Tensor& outline)
    : place_(path.string()), file_(path), left_(outline) {
  file_.write(start_of_npy(outline));
}

void NpyWriter::append(const Tensor& rows) {
  Tensor bytes = left_.take(rows, place_);
  file_.write(bytes.const_data_ptr(), bytes.nbytes());
}

void NpyWriter::commit() {
  left_.finish(place_);
  file_.commit();
}

}  // namespace diffeo
