#include "core/routing/file_ids.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace gateway {

namespace {

// The account of the candidate's files; empty: it takes no ids of files.
std::string_view files_of(const Candidate &candidate, const Catalogue &catalogue) {
    const ModelSpec *spec = spec_of(catalogue, candidate);
    const bool takes = spec != nullptr && spec->inputs.takes_file_ids &&
                       candidate.provider->dialect->takes_file_ids();
    return takes ? candidate.provider->account_of_files() : std::string_view();
}

// The first input that only a provider has. Null if there is none.
const InputImage *first_file_id(const InputImages &inputs) {
    const auto found = std::find_if(inputs.images.begin(), inputs.images.end(),
                                    [](const InputImage &image) { return !image.has_content(); });
    if (found != inputs.images.end()) {
        return &*found;
    }
    return inputs.mask && !inputs.mask->has_content() ? &*inputs.mask : nullptr;
}

ApiError error_ambiguous(const InputImage &image, const Candidate &one, const Candidate &other) {
    return ApiError::of(400, "ambiguous_file_id",
                        "The file may belong to several accounts, because the model has several. "
                        "Name the one that has it, such as '" +
                            one.name() + "' or '" + other.name() + "'.",
                        image.field);
}

}  // namespace

tl::expected<void, ApiError> keep_one_file_account(Plan &plan, const Catalogue &catalogue,
                                                   const InputImages &inputs) {
    const InputImage *image = first_file_id(inputs);
    if (image == nullptr) {
        return {};
    }
    const Candidate *owner = nullptr;
    for (size_t i = 0; i < plan.candidates.size(); ++i) {
        if (i == plan.requested && owner != nullptr) {
            break;  // fallbacks do not decide
        }
        const Candidate &candidate = plan.candidates[i];
        const std::string_view account = files_of(candidate, catalogue);
        if (account.empty()) {
            continue;
        }
        if (owner != nullptr && account != files_of(*owner, catalogue)) {
            return tl::unexpected(error_ambiguous(*image, *owner, candidate));
        }
        owner = owner == nullptr ? &candidate : owner;
    }
    if (owner == nullptr) {
        return {};  // the candidates themselves refuse the request
    }
    const std::string account(files_of(*owner, catalogue));
    std::erase_if(plan.candidates, [&](const Candidate &candidate) {
        return files_of(candidate, catalogue) != account;
    });
    return {};
}

std::optional<ApiError> refuse_file_ids(const Candidate &candidate, const InputImages &inputs) {
    const Provider &provider = *candidate.provider;
    const char *why = !provider.dialect->takes_file_ids()
                          ? "The gateway sends no file_id to this provider. Send the image itself "
                            "or its URL."
                      : provider.account_of_files().empty()
                          ? "The gateway does not know which account's files this provider has. "
                            "Send the image itself or its URL."
                          : nullptr;
    if (why == nullptr) {
        return std::nullopt;
    }
    std::vector<Problem> problems;
    const auto add = [&](const InputImage &image) {
        if (!image.has_content()) {
            problems.push_back({image.field, "unsupported_parameter", why});
        }
    };
    for (const InputImage &image : inputs.images) {
        add(image);
    }
    if (inputs.mask) {
        add(*inputs.mask);
    }
    return problems.empty() ? std::nullopt : std::optional(ApiError::of_all(std::move(problems)));
}

}  // namespace gateway
