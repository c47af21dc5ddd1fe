#include "core/request/endpoint.h"

#include <algorithm>
#include <optional>

#include "core/images/links.h"
#include "core/request_id.h"

namespace gateway {

namespace {

constexpr std::string_view kVersions[] = {"openai/v1/", "openai/", "v1/", ""};
constexpr std::string_view kDeployments = "deployments/";

constexpr std::string_view kRead = "GET, HEAD";

constexpr EndpointRow kRows[] = {
    {.tail = "images/generations",
     .id = "createImage",
     .summary = "Make images from a prompt",
     .what = EndpointRow::make,
     .operation = Operation::generate,
     .methods = "POST",
     .method_error = "This path accepts only POST.",
     .of_deployment = true},
    {.tail = "images/edits",
     .id = "editImage",
     .summary = "Make images from input images and a prompt",
     .what = EndpointRow::make,
     .operation = Operation::edit,
     .methods = "POST",
     .method_error = "This path accepts only POST.",
     .takes_form = true,
     .of_deployment = true},
    {.tail = "images/variations",
     .id = "varyImage",
     .summary = "Make variations of an image",
     .what = EndpointRow::make,
     .operation = Operation::variation,
     .methods = "POST",
     .method_error = "This path accepts only POST.",
     .takes_form = true,
     .of_deployment = true},
    {.tail = "images/files/",
     .id = "readImage",
     .summary = "Read a kept image",
     .what = EndpointRow::file,
     .methods = kRead,
     .method_error = "This path accepts only GET and HEAD.",
     .has_name = true,
     .of_deployment = true},
    {.tail = "images/jobs",
     .id = "listJobs",
     .summary = "List the jobs of the caller",
     .what = EndpointRow::jobs,
     .methods = kRead,
     .method_error = "This path accepts only GET and HEAD."},
    {.tail = "images/jobs/",
     .id = "readJob",
     .summary = "Read a job",
     .what = EndpointRow::job,
     .methods = "GET, HEAD, DELETE",
     .method_error = "This path accepts only GET, HEAD and DELETE.",
     .has_name = true},
    {.tail = "async/images/generations",
     .id = "createImageAsync",
     .summary = "Make images as a job, in Bifrost's form",
     .what = EndpointRow::make,
     .operation = Operation::generate,
     .methods = "POST",
     .method_error = "This path accepts only POST.",
     .is_async = true},
    {.tail = "async/images/generations/",
     .id = "readImageJob",
     .summary = "Read a job, in Bifrost's form",
     .what = EndpointRow::async_job,
     .operation = Operation::generate,
     .methods = kRead,
     .method_error = "This path accepts only GET and HEAD.",
     .has_name = true},
    {.tail = "async/images/edits",
     .id = "editImageAsync",
     .summary = "Edit images as a job, in Bifrost's form",
     .what = EndpointRow::make,
     .operation = Operation::edit,
     .methods = "POST",
     .method_error = "This path accepts only POST.",
     .takes_form = true,
     .is_async = true},
    {.tail = "async/images/edits/",
     .id = "readEditJob",
     .summary = "Read a job, in Bifrost's form",
     .what = EndpointRow::async_job,
     .operation = Operation::edit,
     .methods = kRead,
     .method_error = "This path accepts only GET and HEAD.",
     .has_name = true},
    {.tail = "async/images/variations",
     .id = "varyImageAsync",
     .summary = "Make variations as a job, in Bifrost's form",
     .what = EndpointRow::make,
     .operation = Operation::variation,
     .methods = "POST",
     .method_error = "This path accepts only POST.",
     .takes_form = true,
     .is_async = true},
    {.tail = "async/images/variations/",
     .id = "readVariationJob",
     .summary = "Read a job, in Bifrost's form",
     .what = EndpointRow::async_job,
     .operation = Operation::variation,
     .methods = kRead,
     .method_error = "This path accepts only GET and HEAD.",
     .has_name = true},
    {.tail = "models",
     .id = "listModels",
     .summary = "List the models that the caller may use",
     .what = EndpointRow::models,
     .methods = kRead,
     .method_error = "This path accepts only GET and HEAD."},
    {.tail = "models/",
     .id = "describeModel",
     .summary = "Describe one model",
     .what = EndpointRow::model,
     .methods = kRead,
     .method_error = "This path accepts only GET and HEAD.",
     .has_name = true},
    {.tail = "openapi.json",
     .id = "describeApi",
     .summary = "Describe this API as OpenAPI",
     .what = EndpointRow::openapi,
     .methods = kRead,
     .method_error = "This path accepts only GET and HEAD."},
};

bool is_right_name(EndpointRow::What what, std::string_view name) {
    switch (what) {
        case EndpointRow::file: return is_image_name(name);
        case EndpointRow::job:
        case EndpointRow::async_job: return is_job_id(name);
        default: return !name.empty();
    }
}

// Matches paths such as "images/generations".
std::optional<Endpoint> match_tail(std::string_view text) {
    for (const EndpointRow &row : kRows) {
        if (!row.has_name && text == row.tail) {
            return Endpoint{&row, {}, {}};
        }
        if (row.has_name && text.starts_with(row.tail) &&
            is_right_name(row.what, text.substr(row.tail.size()))) {
            return Endpoint{&row, text.substr(row.tail.size()), {}};
        }
    }
    return std::nullopt;
}

// Matches "deployments/MODEL/images/generations". The name of a model may contain slashes.
std::optional<Endpoint> match_deployment(std::string_view text) {
    if (!text.starts_with(kDeployments)) {
        return std::nullopt;
    }
    text.remove_prefix(kDeployments.size());
    for (const EndpointRow &row : kRows) {
        const size_t end = row.has_name ? text.rfind('/') + 1 : text.size();
        const std::string_view head = text.substr(0, end);
        const bool matches = row.of_deployment && head.ends_with(row.tail) &&
                             (!row.has_name || is_right_name(row.what, text.substr(end)));
        const std::string_view model =
            head.substr(0, head.size() - (matches ? row.tail.size() : 0));
        if (matches && model.size() > 1 && model.ends_with('/')) {
            return Endpoint{&row, text.substr(end), model.substr(0, model.size() - 1)};
        }
    }
    return std::nullopt;
}

template <typename Match>
std::optional<Endpoint> match_behind_version(std::string_view text, Match match) {
    for (const std::string_view version : kVersions) {
        if (text.starts_with(version)) {
            if (auto found = match(text.substr(version.size()))) {
                return found;
            }
        }
    }
    return std::nullopt;
}

// Tries first where the operator's part of the path ends, then at each slash before that.
template <typename Match>
std::optional<Endpoint> match_from(std::string_view path, size_t given, Match match) {
    size_t start = std::min(given, path.size());
    if (start > 0 && start < path.size() && path[start - 1] != '/' && path[start] == '/') {
        ++start;
    }
    for (;; --start) {
        if (start > 0 && path[start - 1] == '/') {
            if (auto found = match_behind_version(path.substr(start), match)) {
                return found;
            }
        }
        if (start == 0) {
            return std::nullopt;
        }
    }
}

}  // namespace

std::span<const EndpointRow> endpoints() {
    return kRows;
}

Endpoint endpoint_of(std::string_view path, size_t given) {
    if (const auto found = match_from(path, given, match_deployment)) {
        return *found;
    }
    return match_from(path, given, match_tail).value_or(Endpoint());
}

}  // namespace gateway
