#include "nginx/bucket_rules.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/json/text.h"
#include "core/s3/bucket.h"
#include "nginx/conf_error.h"
#include "nginx/provider_secret.h"

namespace gateway {

namespace {

constexpr std::string_view kBucketScheme = "s3://";
constexpr int64_t kDefaultBucketLifetime = 3600;

bool has_only(std::string_view text, std::string_view more) {
    return std::all_of(text.begin(), text.end(), [=](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               more.find(c) != std::string_view::npos;
    });
}

bool is_bucket_name(std::string_view name) {
    constexpr size_t kShortest = 3;
    constexpr size_t kLongest = 63;
    return name.size() >= kShortest && name.size() <= kLongest && has_only(name, "-._") &&
           name.front() != '.' && name.find("..") == std::string_view::npos;
}

// Clients and servers on the way would change a path with empty parts or dots.
bool is_bucket_prefix(std::string_view prefix) {
    constexpr size_t kLongest = 800;  // a key has at most 1024 bytes
    if (prefix.size() > kLongest) {
        return false;
    }
    for (std::string_view rest = prefix; !rest.empty();) {
        const size_t end = std::min(rest.find('/'), rest.size());
        const std::string_view part = rest.substr(0, end);
        if (part.empty() || part == "." || part == "..") {
            return false;
        }
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    while (!prefix.empty()) {
        const size_t length = utf8_character(prefix);
        const auto first = static_cast<unsigned char>(prefix.front());
        if (length == 0 || first < 0x20 || first == 0x7f) {
            return false;
        }
        prefix.remove_prefix(length);
    }
    return true;
}

void read_bucket_address(std::string_view address, Bucket &bucket) {
    std::string_view rest = address.substr(kBucketScheme.size());
    while (rest.ends_with('/')) {
        rest.remove_suffix(1);
    }
    const size_t slash = std::min(rest.find('/'), rest.size());
    bucket.name = rest.substr(0, slash);
    bucket.prefix = rest.substr(std::min(slash + 1, rest.size()));
    if (!is_bucket_name(bucket.name) || !is_bucket_prefix(bucket.prefix)) {
        throw ConfError{"invalid bucket \"" + std::string(address) +
                        "\", expected s3://BUCKET or s3://BUCKET/PREFIX, where no part of PREFIX "
                        "is empty, \".\" or \"..\""};
    }
}

bool has_web_scheme(std::string_view url) {
    return url.starts_with("https://") || url.starts_with("http://");
}

void check_endpoint(std::string_view url) {
    const std::string_view host =
        has_web_scheme(url) ? url.substr(url.find("://") + 3) : std::string_view();
    if (host.empty() || host.front() == ':' || !has_only(host, "-.:[]")) {
        throw ConfError{"invalid endpoint \"" + std::string(url) +
                        "\", expected http:// or https://, a host and perhaps a port"};
    }
}

void check_public_address(std::string_view url) {
    const size_t host = url.find("://") + 3;
    if (!has_web_scheme(url) || host >= url.size() || url[host] == '/' || !is_visible_ascii(url) ||
        url.find_first_of("\"\\?#@") != std::string_view::npos) {
        throw ConfError{"invalid public \"" + std::string(url) +
                        "\", expected http:// or https://, a host and perhaps a path"};
    }
}

std::string without_slashes_at_end(std::string_view url) {
    while (url.ends_with('/')) {
        url.remove_suffix(1);
    }
    return std::string(url);
}

void read_access_key(ngx_conf_t *cf, std::string_view source, Bucket &bucket) {
    bucket.key.access_key = named_secret(cf, source).value_or(std::string(source));
    if (bucket.key.access_key.empty() || !is_visible_ascii(bucket.key.access_key) ||
        bucket.key.access_key.find_first_of("/,") != std::string::npos) {
        throw ConfError{"the access_key is empty or not a word of visible ASCII without slashes"};
    }
}

void read_secret_key(ngx_conf_t *cf, std::string_view source, Bucket &bucket) {
    auto secret = named_secret(cf, source);
    if (!secret) {
        // Not quoted: it may be the key itself.
        throw ConfError{"invalid secret_key, expected env:NAME or file:PATH"};
    }
    if (secret->empty() || !is_visible_ascii(*secret)) {
        throw ConfError{"the secret_key from \"" + std::string(source) +
                        "\" is empty or not one line of visible ASCII"};
    }
    bucket.key.secret_key = std::move(*secret);
}

bool read_bucket_parameter(ngx_conf_t *cf, const ngx_str_t &argument, Bucket &bucket,
                           Hosting &hosting) {
    std::string_view value;
    if (take_parameter(argument, "endpoint", value)) {
        bucket.endpoint = without_slashes_at_end(value);
        check_endpoint(bucket.endpoint);
    } else if (take_parameter(argument, "region", value)) {
        bucket.scope.region = value;
    } else if (take_parameter(argument, "access_key", value)) {
        read_access_key(cf, value, bucket);
    } else if (take_parameter(argument, "secret_key", value)) {
        read_secret_key(cf, value, bucket);
    } else if (take_parameter(argument, "public", value)) {
        check_public_address(value);
        bucket.public_url = without_slashes_at_end(value);
    } else if (take_parameter(argument, "ttl", value)) {
        bucket.lifetime = parse_time_parameter(value).count() / 1000;
    } else if (take_parameter(argument, "ca", value)) {
        bucket.ca_file = full_path(cf, value);
        (void)read_file(cf, value);  // only to check that it exists
    } else if (take_parameter(argument, "style", value)) {
        if (value != "path" && value != "host") {
            throw ConfError{"invalid style \"" + std::string(value) + "\", expected path or host"};
        }
        bucket.is_in_host = value == "host";
    } else if (take_parameter(argument, "rehost", value)) {
        if (value != "on" && value != "off") {
            throw ConfError{"invalid rehost \"" + std::string(value) + "\", expected on or off"};
        }
        hosting.rehost = value == "on";
    } else {
        return false;
    }
    return true;
}

// What is not written.
void read_bucket_defaults(ngx_conf_t *cf, Bucket &bucket) {
    if (bucket.key.access_key.empty()) {
        read_access_key(cf, "env:AWS_ACCESS_KEY_ID", bucket);
    }
    if (bucket.key.secret_key.empty()) {
        read_secret_key(cf, "env:AWS_SECRET_ACCESS_KEY", bucket);
    }
}

void check_bucket(const Bucket &bucket) {
    if (bucket.endpoint.empty() || bucket.scope.region.empty()) {
        throw ConfError{"the store \"" + bucket.address() +
                        "\" needs endpoint=URL and region=NAME"};
    }
    if (!has_only(bucket.scope.region, "-_")) {
        throw ConfError{"invalid region \"" + bucket.scope.region +
                        "\", expected something like us-east-1"};
    }
    if (bucket.lifetime < 1) {
        throw ConfError{"ttl must be at least 1s"};
    }
    if (bucket.public_url.empty() && bucket.lifetime > kLongestSignedLink) {
        throw ConfError{"ttl must be at most 7d, because links to \"" + bucket.address() +
                        "\" are signed; with public=URL it may be longer"};
    }
}

}  // namespace

bool is_bucket_address(std::string_view argument) {
    return argument.starts_with(kBucketScheme);
}

std::shared_ptr<Hosting> read_bucket_store(ngx_conf_t *cf) {
    auto bucket = std::make_shared<Bucket>();
    auto hosting = std::make_shared<Hosting>();
    bucket->lifetime = kDefaultBucketLifetime;
    read_bucket_address(to_view(arguments(cf)[1]), *bucket);
    std::vector<std::string_view> seen;
    for (ngx_uint_t i = 2; i < cf->args->nelts; ++i) {
        const std::string_view argument = to_view(arguments(cf)[i]);
        const std::string_view name = argument.substr(0, argument.find('='));
        if (name == "max") {
            throw ConfError{
                "\"max\" is for a store that is a directory; the size of a bucket is "
                "bounded where it is configured"};
        }
        if (std::find(seen.begin(), seen.end(), name) != seen.end()) {
            throw ConfError{"duplicate parameter \"" + std::string(name) + "\""};
        }
        seen.push_back(name);
        if (!read_bucket_parameter(cf, arguments(cf)[i], *bucket, *hosting)) {
            // Not quoted: it may be a secret.
            throw ConfError{
                "invalid parameter, expected endpoint=URL, region=NAME, access_key=NAME, "
                "secret_key=env:NAME|file:PATH, style=path|host, public=URL, ttl=TIME, "
                "rehost=on|off or ca=FILE"};
        }
    }
    read_bucket_defaults(cf, *bucket);
    check_bucket(*bucket);
    if (bucket->is_in_host) {
        bucket->endpoint.insert(bucket->endpoint.find("://") + 3, bucket->name + ".");
    }
    hosting->directory = bucket->address();
    hosting->lifetime = bucket->lifetime;
    hosting->bucket = std::move(bucket);
    return hosting;
}

}  // namespace gateway
