#include "core/inputs/input_work.h"

#include <algorithm>
#include <utility>

#include "core/images/base64_stream.h"
#include "core/images/image_inspector.h"
#include "core/inputs/check_inputs.h"
#include "core/inputs/content_ports.h"
#include "core/request/read_value.h"

namespace gateway {

namespace {

ApiError error_busy() {
    return ApiError::for_now(503, "task_pool_full", "The gateway has too much work at the moment.");
}

size_t on_disk(const Content &content) {
    return content.is_in_file() ? content.size() : 0;
}

// The most disk space that a mask of this kind may need: as if it could not be compressed.
size_t disk_for_mask(const MaskForm &form, const ImageFacts &facts) {
    constexpr size_t kBesides = size_t{4} * 1024;
    const bool has_alpha = form.kind == MaskKind::alpha || form.kind == MaskKind::opaque_alpha;
    const auto row = static_cast<size_t>(facts.width) * (has_alpha ? 4 : 1) + 1;
    const size_t bytes = row * static_cast<size_t>(facts.height);
    return bytes + bytes / 1000 + kBesides;
}

// On the task pool. `base64` is the gateway's own, of an image that was fetched.
FoundImage decode_fetched(const Bytes &base64, const SpoolFiles *spool) {
    constexpr size_t kPiece = size_t{48} * 1024;
    FoundImage image;
    SpoolSink sink(spool);
    ImageInspector inspector;
    std::vector<uint8_t> piece(kPiece);
    Base64Reader reader(base64);
    for (size_t count = kPiece; count == kPiece;) {
        count = reader.read(piece);
        inspector.feed({reinterpret_cast<const char *>(piece.data()), count});
        if (!sink.write(std::span(piece).first(count))) {
            image.problem = "could not be stored, because the gateway's disk is full";
            return image;
        }
    }
    image.facts = facts_from(inspector);
    image.content = std::move(sink).content();
    return image;
}

}  // namespace

ApiError error_disk_held() {
    return ApiError::for_now(507, "disk_space_short",
                             "The gateway has no disk space for this request at the moment.");
}

// ---- the body

void InputWork::read(ReceivedBody body, std::function<void(ReadBody)> then) {
    if (body.file == nullptr && body.is_form()) {
        then(read_body(body, rules_.limits, nullptr));
        return;
    }
    auto read = std::make_shared<ReadBody>();
    read->error =
        ApiError::of(500, "body_not_read", "The gateway could not read the body of the request.");
    auto callback = std::make_shared<std::function<void(ReadBody)>>(std::move(then));
    task_ =
        ports_.tasks.run([read, body = std::move(body), limits = rules_.limits,
                          spool = ports_.spool] { *read = read_body(body, limits, spool.get()); },
                         [read, callback] { (*callback)(std::move(*read)); });
    if (task_ == nullptr) {
        read->error = error_busy();
        (*callback)(std::move(*read));
    }
}

// ---- disk space

bool InputWork::hold_disk(size_t bytes) {
    DiskSpace *disk = rules_.disk == nullptr ? nullptr : rules_.disk();
    return disk == nullptr || disk->hold(disk->held() + bytes);
}

void InputWork::give_back_disk(size_t bytes) {
    if (DiskSpace *disk = rules_.disk == nullptr ? nullptr : rules_.disk()) {
        (void)disk->hold(disk->held() - bytes);
    }
}

// ---- the images

void InputWork::load(const ImageRequest &request, std::vector<FoundImage> files,
                     std::function<void(tl::expected<InputImages, ApiError>)> then) {
    then_loaded_ = std::move(then);
    left_to_fetch_ = std::make_shared<size_t>(rules_.limits.images.total_bytes);
    running_ = 1;  // this function
    inputs_.images.resize(request.images.size());
    for (size_t i = 0; i < request.images.size(); ++i) {
        load_one(request.images[i], files, inputs_.images[i]);
    }
    if (!request.masks.empty()) {
        load_one(request.masks.front(), files, inputs_.mask.emplace());
    }
    end_one();
}

void InputWork::load_one(const ImageReference &reference, std::vector<FoundImage> &files,
                         InputImage &image) {
    image.field = reference.field;
    switch (reference.kind) {
        case ImageReference::Kind::file: take_found(files[reference.index], image); break;
        case ImageReference::Kind::file_id: image.file_id = reference.text; break;
        case ImageReference::Kind::text:
            if (is_url(reference.text)) {
                fetch(reference.text, image);
            } else {
                take_found(read_image_text(reference.field, reference.text), image);
            }
            break;
    }
}

void InputWork::take_found(FoundImage found, InputImage &image) {
    image.content = std::move(found.content);
    image.facts = found.facts;
    if (!found.problem.empty()) {
        add_problem(image, found.problem);
    }
}

void InputWork::add_problem(const InputImage &image, const std::string &problem) {
    problems_.push_back({image.field, kInvalidImage, image.field + " " + problem + "."});
}

void InputWork::fetch(std::string_view url, InputImage &image) {
    constexpr size_t kMaxUrl = 8192;
    if (url.size() > kMaxUrl) {
        add_problem(image, "is a URL of more than 8192 characters");
        return;
    }
    ++running_;
    Slot &slot = *slots_.emplace_back(std::make_unique<Slot>());
    slot.image = &image;
    ImageFetch wanted;
    wanted.url = url;
    wanted.rules = rules_.fetch_rules;
    wanted.timeouts.total = rules_.longest_fetch;
    wanted.left = left_to_fetch_;
    wanted.memory = rules_.memory;
    slot.fetch = ports_.fetcher.fetch(std::move(wanted), [this, &slot](FetchedImage fetched) {
        on_fetched(slot, std::move(fetched));
    });
}

void InputWork::on_fetched(Slot &slot, FetchedImage fetched) {
    if (!fetched.problem.empty()) {
        add_problem(*slot.image, "could not be fetched: " + fetched.problem);
        end_one();
        return;
    }
    const size_t bytes = fetched.base64.size() / 4 * 3;
    if (bytes > SpoolSink::kMaxInMemory && !hold_disk(bytes)) {
        error_ = error_disk_held();
        end_one();
        return;
    }
    auto found = std::make_shared<FoundImage>();
    found->problem = "could not be read by the gateway";
    // Only the job holds the blocks, because the loop's thread must release them and it destroys
    // the job.
    slot.task =
        ports_.tasks.run([found, base64 = std::move(fetched.base64),
                          spool = ports_.spool] { *found = decode_fetched(base64, spool.get()); },
                         [this, &slot, found] {
                             take_found(std::move(*found), *slot.image);
                             end_one();
                         });
    if (slot.task == nullptr) {
        add_problem(*slot.image, "could not be read, because the gateway has too much work");
        end_one();
    }
}

void InputWork::end_one() {
    if (--running_ == 0) {
        end_load();
    }
}

void InputWork::end_load() {
    const auto then = std::move(then_loaded_);
    if (error_) {
        then(tl::unexpected(std::move(*error_)));
        return;
    }
    if (problems_.empty()) {
        problems_ = check_inputs(inputs_, rules_.limits.images);
    }
    if (!problems_.empty()) {
        then(tl::unexpected(ApiError::of_all(std::move(problems_))));
        return;
    }
    then(std::move(inputs_));
}

// ---- the mask

namespace {

struct Conversion {
    MaskResult result;
    Content content;
};

// On the task pool.
Conversion convert(const Content &mask, const MaskTarget &target, const SpoolFiles *spool,
                   const std::atomic<bool> *stop) {
    ContentSource source(mask);
    SpoolSink sink(spool);
    Conversion conversion;
    conversion.result = gateway::convert_mask(source, target, sink, stop);
    const bool written = conversion.result.outcome == MaskOutcome::written;
    conversion.content = written ? std::move(sink).content() : mask;
    return conversion;
}

bool is_usable(MaskOutcome outcome) {
    return outcome == MaskOutcome::written || outcome == MaskOutcome::unchanged;
}

bool is_ours(MaskOutcome outcome) {
    switch (outcome) {
        case MaskOutcome::source_failed:
        case MaskOutcome::sink_failed:
        case MaskOutcome::out_of_memory:
        case MaskOutcome::aborted: return true;
        default: return false;
    }
}

ApiError error_of_mask(const InputImage &mask, const MaskResult &result) {
    if (is_ours(result.outcome)) {
        return ApiError::of(500, "mask_not_converted",
                            "The gateway could not convert the mask: " + result.reason + ".");
    }
    return ApiError::of(400, "invalid_mask", mask.field + " cannot be used: " + result.reason + ".",
                        mask.field);
}

}  // namespace

void InputWork::convert_mask(InputImages &inputs, const std::vector<MaskForm> &forms,
                             bool luminance,
                             std::function<void(tl::expected<void, ApiError>)> then) {
    then_converted_ = std::move(then);
    const InputImage &mask = *inputs.mask;
    // Of an image that only the provider has, the size is not known: the mask stays as it is.
    const InputImage &first = inputs.images.front();
    const ImageFacts &facts = first.has_content() ? first.facts : mask.facts;
    running_ = forms.size();
    for (const MaskForm &form : forms) {
        const size_t held = disk_for_mask(form, facts);
        if (!hold_disk(held)) {
            std::exchange(then_converted_, nullptr)(tl::unexpected(error_disk_held()));
            return;
        }
        MaskTarget target;
        target.kind = form.kind;
        target.levels = form.levels;
        target.width = static_cast<uint32_t>(facts.width);
        target.height = static_cast<uint32_t>(facts.height);
        target.orientation = first.has_content() ? facts.orientation : 1;
        target.luminance = luminance;
        target.limits.max_pixels = rules_.limits.images.pixels;
        auto conversion = std::make_shared<Conversion>();
        conversion->result = {.outcome = MaskOutcome::out_of_memory,
                              .reason = "there is not enough memory"};
        auto task = ports_.tasks.run(
            [conversion, content = mask.content, target, spool = ports_.spool, stop = stop_] {
                *conversion = convert(content, target, spool.get(), stop.get());
            },
            [this, &inputs, form, conversion, held] {
                const bool is_new = conversion->result.outcome == MaskOutcome::written;
                give_back_disk(held - (is_new ? on_disk(conversion->content) : 0));
                if (then_converted_ == nullptr) {
                    return;  // another conversion failed
                }
                if (!is_usable(conversion->result.outcome)) {
                    std::exchange(then_converted_, nullptr)(
                        tl::unexpected(error_of_mask(*inputs.mask, conversion->result)));
                    return;
                }
                InputImage converted = *inputs.mask;
                converted.content = std::move(conversion->content);
                inputs.masks.push_back({form, std::move(converted), conversion->result});
                if (--running_ == 0) {
                    std::exchange(then_converted_, nullptr)({});
                }
            });
        if (task == nullptr) {
            std::exchange(then_converted_, nullptr)(tl::unexpected(error_busy()));
            return;
        }
        conversions_.push_back(std::move(task));
    }
}

}  // namespace gateway
