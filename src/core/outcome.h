// How an attempt ended. The type decides what may happen next, never the raw status alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes/bytes.h"

namespace gateway {

enum class OutcomeType : uint8_t {
    made,
    pending,
    refused_by_policy,
    callers_fault,
    our_credentials,
    out_of_quota,
    throttled,
    not_here,
    broken,
    unknown,
    too_late,
};

std::string_view name_of(OutcomeType type);
std::optional<OutcomeType> outcome_named(std::string_view name);

// Whether the provider may want money for it although there is no image. (For what ran out of time
// it also matters how far it got.)
bool may_be_billed(OutcomeType type);

// Whether it says nothing of a key or of a provider's health.
bool concerns_one_request(OutcomeType type);

enum class ImageFormat : uint8_t { unknown, png, jpeg, webp, gif };

std::string_view name_of(ImageFormat format);

struct Usage {
    int64_t input_tokens = 0;
    int64_t input_text_tokens = 0;
    int64_t input_image_tokens = 0;
    int64_t output_tokens = 0;
    std::optional<int64_t> output_text_tokens;
    std::optional<int64_t> output_image_tokens;
    int64_t total_tokens = 0;

    // Of several calls.
    Usage &operator+=(const Usage &other);
};

struct Image {
    enum class Form : uint8_t { base64, url };
    Form form = Form::base64;
    int64_t index = 0;  // its place among those that were asked for
    Bytes content;      // fit to stand in JSON as it is, whatever its form
    ImageFormat format = ImageFormat::unknown;
    std::string revised_prompt;
    std::optional<int64_t> seed;
    // As its bytes say, where they were seen; 0 where they do not.
    int width = 0;
    int height = 0;
    size_t bytes = 0;
    std::optional<int64_t> expires_at;  // of a link, unix seconds
    Usage usage;                        // its part of what its call has used
};

// The words in which a provider describes the images; empty where it says nothing.
struct ImageWords {
    std::string size;
    std::string quality;
    std::string background;
    std::string output_format;
};

// What one call made.
struct ImageResult : ImageWords {
    std::vector<Image> images;
    size_t given = 0;  // the first so many were given to the listener before; their content is gone
    std::optional<Usage> usage;
    std::optional<int64_t> cost;  // in millionths of a dollar, where the provider tells it
    size_t left_out = 0;          // images beyond those that were asked for
};

// What an image looks like so far.
struct Preview {
    Image image;
    int64_t number = 0;  // among those of its image
    ImageResult what;    // without images
};

struct ProviderError {
    int status = 0;  // 0: it never answered
    std::string type;
    std::string code;
    std::string message;
    std::string param;
};

// The request to a provider and its response as they were sent, in JSON, without image data and
// secrets: for clients that ask for them by X-Image-Gateway-Raw.
struct RawExchange {
    std::string request;
    std::string response;
};

// An image that a provider works on after it has answered.
struct Job {
    std::string poll_url;
    std::string result_url;                          // empty: the job's document holds the result
    std::string cancel_url;                          // empty: it cannot be cancelled
    std::optional<std::chrono::milliseconds> again;  // when to ask, if the provider says so
    std::optional<int64_t> cost;  // as in ImageResult, where it is told before the image is there
};

// Whom it concerns that a key is rejected or has no quota left: the key for one model, or the key
// for all models.
enum class Reach : uint8_t { model, key };

// What was concluded from the words of a message. A provider may repeat in it what the caller
// wrote: whoever knows the request takes such conclusions back.
struct FromWords {
    std::string_view type;  // the word that decided about the type; empty: none did
    OutcomeType without_words = OutcomeType::unknown;  // the type without that word
    std::string_view wait;  // the words that the time to wait stands behind
};

struct Outcome {
    OutcomeType type = OutcomeType::unknown;
    Reach reach = Reach::model;  // of a bad key, or a spent quota
    FromWords from_words;
    Job job;  // of what is pending
    ImageResult result;
    ProviderError error;
    std::unique_ptr<RawExchange> raw;  // where it was asked for
    bool is_our_doing = false;  // a limit of ours, or a client of ours that did not read: so it
                                // says nothing of the provider's health
    std::optional<std::chrono::milliseconds> retry_after;
};

}  // namespace gateway
