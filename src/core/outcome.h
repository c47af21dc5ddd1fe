// How an attempt ended. The outcome type decides what may happen next, never the HTTP status alone.
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

// Whether the provider may bill it although there is no image. (After a timeout, it also matters
// how far the transfer got.)
bool may_be_billed(OutcomeType type);

// Whether the outcome is about this request only, not about a key or the provider's health.
bool concerns_one_request(OutcomeType type);

enum class ImageFormat : uint8_t { unknown, png, jpeg, webp, gif, avif, heic };

std::string_view name_of(ImageFormat format);

// Whether an image says where it is from. `none` also if the gateway has not seen its bytes.
enum class Provenance : uint8_t {
    none,
    c2pa,       // it carries Content Credentials, as the provider sent them
    c2pa_lost,  // it had some, before the gateway put it together with the original
};

std::string_view name_of(Provenance provenance);

struct Usage {
    int64_t input_tokens = 0;
    int64_t input_text_tokens = 0;
    int64_t input_image_tokens = 0;
    int64_t output_tokens = 0;
    std::optional<int64_t> output_text_tokens;
    std::optional<int64_t> output_image_tokens;
    int64_t total_tokens = 0;

    // Adds up several calls.
    Usage &operator+=(const Usage &other);
};

struct Image {
    enum class Form : uint8_t { base64, url };
    Form form = Form::base64;
    int64_t index = 0;  // among the requested images
    Bytes content;      // base64 or a URL, already escaped for JSON
    ImageFormat format = ImageFormat::unknown;
    std::string revised_prompt;
    std::optional<int64_t> seed;
    // Read from the image's bytes; 0 if not known.
    int width = 0;
    int height = 0;
    size_t bytes = 0;
    Provenance provenance = Provenance::none;
    // Of the pixels that the mask keeps, the share that the model had changed, if the gateway has
    // put the image together with the original.
    std::optional<double> outside_mask_changed;
    std::optional<int64_t> expires_at;  // if it is a link; unix seconds
    Usage usage;                        // its part of the usage of its call
};

// The words in which a provider describes the images. Empty if it says nothing.
struct ImageWords {
    std::string size;
    std::string quality;
    std::string background;
    std::string output_format;
};

// What one call made.
struct ImageResult : ImageWords {
    std::vector<Image> images;
    size_t given =
        0;  // so many of the first images were given to the listener; they have no content
    std::optional<Usage> usage;
    std::optional<int64_t> cost;  // in millionths of a dollar, if the provider says it
    size_t left_out = 0;          // images beyond the requested ones
};

// An unfinished image that a provider sends before the final one.
struct Preview {
    Image image;
    int64_t number = 0;  // among the previews of its image
    ImageResult what;    // without images
};

struct ProviderError {
    int status = 0;  // 0: there was no response
    std::string type;
    std::string code;
    std::string message;
    std::string param;
};

// The request to a provider and its response, in JSON, without image bytes and secrets. For clients
// that request them by X-Image-Gateway-Raw.
struct RawExchange {
    std::string request;
    std::string response;
};

// Work that a provider does after it has responded.
struct Job {
    std::string poll_url;
    std::string result_url;                          // empty: the job's document holds the result
    std::string cancel_url;                          // empty: it cannot be cancelled
    std::optional<std::chrono::milliseconds> again;  // when to poll, if the provider says so
    std::optional<int64_t> cost;  // as in ImageResult, if it is known before the image
};

// Whether a rejected key, or a key without quota, is unusable for one model or for all models.
enum class Reach : uint8_t { model, key };

// What was concluded from words in a message. The message may quote the caller's text, so
// distrust_callers_words() can withdraw such conclusions.
struct FromWords {
    std::string_view type;  // the word that decided about the type; empty: none did
    OutcomeType without_words = OutcomeType::unknown;  // the type without that word
    std::string_view wait;                             // the words before the time to wait
};

struct Outcome {
    OutcomeType type = OutcomeType::unknown;
    Reach reach = Reach::model;  // if a key is bad or has no quota left
    FromWords from_words;
    Job job;  // if it is pending
    ImageResult result;
    ProviderError error;
    std::unique_ptr<RawExchange> raw;  // if it was requested
    // A limit of the gateway, or a client that did not read, caused the failure. So the outcome is
    // not about the provider's health.
    bool is_our_doing = false;
    std::optional<std::chrono::milliseconds> retry_after;
};

}  // namespace gateway
