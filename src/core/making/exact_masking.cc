#include "core/making/exact_masking.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/bytes/base64.h"
#include "core/images/bytes_source.h"
#include "core/images/exact_mask.h"
#include "core/inputs/content_ports.h"
#include "core/request/geometry.h"

namespace gateway {

namespace {

constexpr size_t kPieceOfBytes = size_t{48} * 1024;  // divisible by three
constexpr Milliseconds kPause{100};                  // until it looks for memory again
constexpr Milliseconds kLongestWait{30'000};         // for memory

// Writes base64 into pieces of memory.
class Base64Sink final : public ByteSink {
 public:
    explicit Base64Sink(size_t max) : max_(max) { waiting_.reserve(kPieceOfBytes); }

    bool write(std::span<const uint8_t> bytes) override {
        size_ += bytes.size();
        while (!bytes.empty()) {
            const auto part = bytes.first(std::min(bytes.size(), kPieceOfBytes - waiting_.size()));
            waiting_.append(reinterpret_cast<const char *>(part.data()), part.size());
            bytes = bytes.subspan(part.size());
            if (waiting_.size() == kPieceOfBytes && !encode()) {
                return false;
            }
        }
        return true;
    }
    bool end() { return waiting_.empty() || encode(); }

    [[nodiscard]] size_t size() const { return size_; }  // before encoding
    [[nodiscard]] bool is_too_large() const { return too_large_; }
    std::vector<std::string> pieces;

 private:
    bool encode() {
        pieces.push_back(encode_base64(waiting_));
        waiting_.clear();
        text_ += pieces.back().size();
        too_large_ = text_ > max_;
        return !too_large_;
    }

    size_t max_;
    std::string waiting_;
    size_t size_ = 0;
    size_t text_ = 0;
    bool too_large_ = false;
};

// The pieces of an image, which count for its request until the last reference to them goes.
struct CountedPieces {
    CountedPieces(std::vector<std::string> texts, std::shared_ptr<AnswerMemory> counted)
        : pieces(std::move(texts)), memory(std::move(counted)) {
        for (const std::string &piece : pieces) {
            size += piece.size();
        }
        if (memory != nullptr) {
            memory->take(size);
        }
    }
    CountedPieces(const CountedPieces &) = delete;
    CountedPieces &operator=(const CountedPieces &) = delete;
    ~CountedPieces() {
        if (memory != nullptr) {
            memory->give_back(size);
        }
    }

    std::vector<std::string> pieces;
    std::shared_ptr<AnswerMemory> memory;
    size_t size = 0;
};

bool is_interlaced(const Bytes &base64) {
    constexpr size_t kInterlaceMethod = 28;  // PNG specification, section 11.2.1
    std::array<uint8_t, kInterlaceMethod + 1> front{};
    Base64Source source(base64);
    return source.read(0, front) == front.size() && front[kInterlaceMethod] != 0;
}

// The most that combining holds: a strength for each pixel, all pixels of what is interlaced, and
// the result as base64, which cannot be compressed at worst.
size_t memory_for(const ExactWish &wish, const Bytes &base64) {
    constexpr size_t kBesides = size_t{512} * 1024;
    constexpr size_t kRgba = 4;
    const auto pixels =
        static_cast<size_t>(wish.facts.width) * static_cast<size_t>(wish.facts.height);
    const size_t interlaced =
        (wish.facts.is_interlaced ? kRgba : 0) + (is_interlaced(base64) ? kRgba : 0);
    const size_t png = pixels * kRgba + static_cast<size_t>(wish.facts.height) + pixels / 256;
    // The mask may be interlaced, too, but its pixels go before the others come.
    return pixels * (1 + std::max<size_t>(1, interlaced)) + png / 3 * 4 + kBesides;
}

}  // namespace

std::string why_not_exact(const ExactWish &wish, const Image &image) {
    if (wish.keeps_provenance && image.provenance == Provenance::c2pa) {
        return "the image carries Content Credentials, and image_gateway_provenance requires "
               "that they are kept";
    }
    if (image.format != ImageFormat::png) {
        return "the model returned a " + std::string(name_of(image.format)) + " image, not a png";
    }
    if (image.width != wish.facts.width || image.height != wish.facts.height) {
        return "the returned image has " + size_text({image.width, image.height}) +
               " pixels, the original " + size_text(stored_size(wish.facts));
    }
    return {};
}

struct ExactMasking::Work {
    std::shared_ptr<const ExactWish> wish;
    Bytes returned;
    size_t max = 0;
    std::shared_ptr<RequestMemory> memory;
    // What combining holds. The task may outlive the request.
    std::unique_ptr<LongTasks::Turn> turn;
    std::shared_ptr<AnswerMemory> room;
    std::atomic<bool> stop = false;

    ExactResult result;
    std::vector<std::string> pieces;
    size_t bytes = 0;

    // On the task pool.
    void combine() {
        result.reason = "the gateway could not combine the images";  // if something throws
        ContentSource original(wish->original);
        ContentSource mask(wish->mask);
        Base64Source model(returned);
        Base64Sink sink(max);
        ExactRules rules;
        rules.feather = wish->feather;
        rules.luminance = wish->luminance;
        ExactResult combined = apply_exact_mask({original, mask, model}, rules, sink, &stop);
        if (combined.outcome == ExactOutcome::applied && !sink.end()) {
            combined.outcome = ExactOutcome::too_large;
        }
        if (sink.is_too_large()) {
            combined.reason = "the result is larger than image_gateway_answer_max";
        }
        pieces = std::move(sink.pieces);
        bytes = sink.size();
        result = std::move(combined);
    }
};

ExactMasking::ExactMasking(const Ports &ports, std::shared_ptr<const ExactWish> wish, Bytes base64,
                           std::shared_ptr<RequestMemory> memory, size_t max,
                           std::function<void(Ended)> on_end)
    : ports_(ports),
      on_end_(std::move(on_end)),
      alarm_(ports.loop.make_alarm([this] { go_on(); }, TimerKind::holds_exit)),
      work_(std::make_shared<Work>()) {
    work_->wish = std::move(wish);
    work_->returned = std::move(base64);
    work_->memory = std::move(memory);
    work_->max = max;
    alarm_->set(Milliseconds(0));
}

ExactMasking::~ExactMasking() {
    work_->stop.store(true);
}

void ExactMasking::go_on() {
    if (ports_.long_tasks != nullptr && work_->turn == nullptr) {
        work_->turn = ports_.long_tasks->wait(work_->memory->owner(), *alarm_);
    } else if (has_room()) {
        combine();
    }
}

// Does not queue for memory, because so much at once would keep the responses behind it waiting.
// Instead it tries again later, and does not keep its turn until then.
bool ExactMasking::has_room() {
    const size_t need = memory_for(*work_->wish, work_->returned);
    if (need > work_->memory->limit() / 2) {
        fail("this may need " + std::to_string(need / 1024 / 1024 + 1) + " MB of memory");
        return false;
    }
    work_->room = work_->memory->begin_answer();
    if (work_->room->reserve_at_once(need)) {
        return true;
    }
    work_->room.reset();
    work_->turn.reset();
    const Milliseconds now = ports_.clock.now();
    short_since_ = short_since_.value_or(now);
    if (now - *short_since_ >= kLongestWait) {
        fail("the gateway has no memory for it at the moment");
    } else {
        alarm_->set(kPause);
    }
    return false;
}

void ExactMasking::combine() {
    task_ = ports_.tasks.run([work = work_] { work->combine(); }, [this] { on_combined(); });
    if (task_ == nullptr) {
        fail("the gateway has too much work");
    }
}

void ExactMasking::on_combined() {
    if (work_->result.outcome != ExactOutcome::applied) {
        fail(std::move(work_->result.reason));
        return;
    }
    Ended ended;
    ended.bytes = work_->bytes;
    ended.outside_changed = work_->result.outside_changed;
    ended.feather = work_->result.feather;
    const auto counted =
        std::make_shared<const CountedPieces>(std::move(work_->pieces), work_->room);
    for (const std::string &piece : counted->pieces) {
        ended.base64.append({counted, piece});
    }
    end(std::move(ended));
}

void ExactMasking::fail(std::string why) {
    Ended ended;
    ended.why = std::move(why);
    end(std::move(ended));
}

// Gives back what combining held. The result stays counted.
void ExactMasking::end(Ended ended) {
    if (work_->room != nullptr) {
        work_->room->end();
    }
    work_->pieces.clear();
    work_->returned = {};
    work_->turn.reset();
    const auto on_end = std::exchange(on_end_, nullptr);
    on_end(std::move(ended));
}

}  // namespace gateway
