#include "commands/operator_record.h"

#include <ATen/DeviceAccelerator.h>

#include <algorithm>

#include "commands/operator_work.h"
#include "terminal/stopwatch.h"

namespace diffeo {

// Callbacks of LibTorch are plain functions: they find the recorder in a slot of the thread, which
// a backward pass hands on to the threads that it uses.
class OperatorRecord::Recorder final : public c10::DebugInfoBase {
 public:
  explicit Recorder(c10::Device device) : device_(device) {}

  static Recorder* of_this_thread() {
    return static_cast<Recorder*>(c10::ThreadLocalDebugInfo::get(c10::DebugInfoKind::TEST_INFO_2));
  }

  const OperatorUses& uses() const { return uses_; }

  double seconds() const {
    wait_for(device_);
    return watch_.seconds() - spent_;
  }

  void begin(const at::RecordFunction& call) {
    double now = this->now();
    Open open;
    open.is_backward = call.scope() == at::RecordScope::BACKWARD_FUNCTION;
    open.is_operator = !open.is_backward && call.operator_name().has_value();
    if (open.is_operator) {
      open.name = call.name();
      open.work = work_of(open.name, call.inputs());
      open.storages = storages_of(call.inputs());
    }
    spent_ += watch_.seconds() - now;
    open.begun = watch_.seconds() - spent_;
    open_.push_back(std::move(open));
  }

  void end(const at::RecordFunction& call) {
    double now = this->now();
    Open done = std::move(open_.back());
    open_.pop_back();
    double seconds = now - spent_ - done.begun;
    if (done.is_operator) close_operator(done, call, seconds - done.seconds_inside);
    Open* outer = open_.empty() ? nullptr : &open_.back();
    bool is_outermost =
        std::none_of(open_.begin(), open_.end(), [](auto& o) { return o.is_backward; });
    if (done.is_backward && is_outermost)
      uses_.backward.push_back({static_cast<uint64_t>(call.seqNr()), seconds});
    if (outer) {
      outer->seconds_inside += seconds;
      outer->bytes_inside += done.bytes_inside;
      outer->has_product = outer->has_product || done.has_product;
    } else {
      uses_.bytes += done.bytes_inside;
    }
    spent_ += watch_.seconds() - now;
  }

 private:
  // A call that has begun and not ended.
  struct Open {
    bool is_operator = false, is_backward = false, has_product = false;
    std::string name = {};
    OperatorWork work = {};
    std::vector<const void*> storages = {};  // of the arguments
    double begun = 0;                        // in seconds()
    double seconds_inside = 0;               // of the calls that it made
    double bytes_inside = 0;
  };

  static bool is_product(const Open& call) {
    return call.is_operator && call.work.kind == OperatorKind::kProduct;
  }

  double now() const {
    wait_for(device_);
    return watch_.seconds();
  }

  void close_operator(Open& done, const at::RecordFunction& call, double own_seconds) {
    c10::ArrayRef<c10::IValue> outputs(call.outputs().data(), call.outputs().size());
    if (returns_view(done.name, call.overload_name(), done.storages, outputs))
      done.work.kind = OperatorKind::kView;
    // What a product calls is the product still: its traffic is no pass over the state.
    if (std::any_of(open_.begin(), open_.end(), is_product))
      done.work.kind = OperatorKind::kProduct;
    if (is_product(done)) done.bytes_inside = 0;
    done.has_product = done.has_product || is_product(done);
    // An operator that calls others moves at least what they move, and at least its own arguments
    // and results; one that does nothing but call a product does not move them a second time.
    if (done.work.kind == OperatorKind::kMemory && !done.has_product) {
      double own = done.work.bytes_read + bytes_of(outputs);
      done.bytes_inside = std::max(done.bytes_inside, own);
    }
    OperatorUse& use = uses_.operators[done.name];
    use.kind = done.work.kind;
    use.calls += 1;
    use.seconds += own_seconds;
    uses_.calls += 1;
    uses_.flops += done.work.flops;
    bool is_largest =
        !uses_.convolution || (done.work.convolution && done.work.flops > uses_.convolution->flops);
    if (done.work.convolution && is_largest) uses_.convolution = done.work.convolution;
  }

  c10::Device device_;
  Stopwatch watch_;
  double spent_ = 0;  // seconds that the writing down has taken
  std::vector<Open> open_;
  OperatorUses uses_;
};

OperatorRecord::OperatorRecord(c10::Device device)
    : recorder_(std::make_shared<Recorder>(device)),
      where_callbacks_find_it_(c10::DebugInfoKind::TEST_INFO_2, recorder_),
      handle_(at::addThreadLocalCallback(
          at::RecordFunctionCallback(
              [](const at::RecordFunction& call) -> std::unique_ptr<at::ObserverContext> {
                if (Recorder* recorder = Recorder::of_this_thread()) recorder->begin(call);
                return nullptr;
              },
              [](const at::RecordFunction& call, at::ObserverContext*) {
                if (Recorder* recorder = Recorder::of_this_thread()) recorder->end(call);
              })
              .needsInputs(true)
              .needsOutputs(true)
              .scopes({at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION}))) {}

OperatorRecord::~OperatorRecord() { at::removeCallback(handle_); }

const OperatorUses& OperatorRecord::uses() const { return recorder_->uses(); }

double OperatorRecord::seconds() const { return recorder_->seconds(); }

void wait_for(c10::Device device) {
  if (!device.is_cpu()) at::accelerator::synchronizeDevice(device.index());
}

}  // namespace diffeo
