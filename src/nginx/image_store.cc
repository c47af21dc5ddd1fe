#include "nginx/image_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "core/bytes/openssl_errors.h"
#include "core/bytes/sha256.h"
#include "core/metrics/counters.h"
#include "nginx/bucket_rules.h"
#include "nginx/conf_error.h"
#include "nginx/files.h"
#include "nginx/guard.h"
#include "nginx/image_files.h"
#include "nginx/zone.h"

namespace gateway {

namespace {

constexpr size_t kDefaultMax = size_t{1024} * 1024 * 1024;
constexpr int64_t kDefaultLifetime = 3600;
constexpr size_t kMinKey = 16;  // the minimum for keys of operators
constexpr size_t kSoundKey =
    32;  // the recommended minimum, and the minimum for the store's own key
constexpr const char *kOwnKey = ".key";

// ---- the cleanup, which runs in nginx's cache manager process

struct Kept {
    std::string directory;  // below the store
    std::string name;
    int64_t modified;
    size_t size;
    bool temporary;
    bool has_expiry;  // `modified` is the time at which it expires
    bool must_stay;   // until then, although the store is full
    bool is_cached;   // a result that only the cache needs
};

std::vector<std::string> names_in(const FileHandle &directory) {
    std::vector<std::string> names;
    const int number = dup(directory.number());
    DIR *open = number < 0 ? nullptr : fdopendir(number);
    if (open == nullptr) {
        if (number >= 0) {
            close(number);
        }
        return names;
    }
    while (const dirent *entry = readdir(open)) {
        names.emplace_back(entry->d_name);
    }
    closedir(open);
    return names;
}

// The store's directory may contain other files. Only regular files with names of our form are
// listed.
void list_directory(const FileHandle &store, const std::string &directory,
                    std::vector<Kept> &into) {
    const FileHandle open = open_directory(store, directory);
    for (std::string &name : names_in(open)) {
        const bool temporary = name.ends_with(kTemporaryEnding);
        const std::string_view image = std::string_view(name).substr(
            0, name.size() - (temporary ? kTemporaryEnding.size() : 0));
        struct stat status {};
        if ((is_image_name(image) || is_result_name(image)) && image.starts_with(directory) &&
            fstatat(open.number(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(status.st_mode)) {
            const mode_t mode = temporary ? 0 : status.st_mode & 07777;
            const bool is_cached = mode == kCachedMode;
            const bool is_result = is_result_name(image);
            into.push_back({directory, std::move(name), status.st_mtime,
                            static_cast<size_t>(status.st_size), temporary,
                            mode == kKeptMode || is_cached, mode == kKeptMode,
                            is_cached && is_result});
        }
    }
}

std::vector<Kept> list_store(const FileHandle &store) {
    std::vector<Kept> all;
    for (const std::string &name : names_in(store)) {
        if (is_image_directory(name)) {
            list_directory(store, name, all);
        }
    }
    return all;
}

bool remove_kept(const FileHandle &store, const Kept &file) {
    const FileHandle directory = open_directory(store, file.directory);
    return directory.is_open() && unlinkat(directory.number(), file.name.c_str(), 0) == 0;
}

// Removes files that are too old. Then, until the size is below the maximum, removes results of the
// cache, which nobody was promised, and the oldest images.
void sweep_store(const ImageStore &store) {
    const FileHandle directory = open_directory(store.hosting->directory, true);
    std::vector<Kept> all = list_store(directory);
    std::sort(all.begin(), all.end(), [](const Kept &a, const Kept &b) {
        return a.is_cached != b.is_cached ? a.is_cached : a.modified < b.modified;
    });
    size_t total = 0;
    for (const Kept &file : all) {
        total += file.size;
    }
    const int64_t now = ngx_time();
    size_t removed = 0;
    const auto remove = [&](const Kept &file) {
        if (remove_kept(directory, file)) {
            total -= file.size;
            ++removed;
        }
    };
    std::erase_if(all, [&](const Kept &file) {
        constexpr int64_t kAbandoned = 600;  // age of a temporary file of a killed worker
        const int64_t age = now - file.modified;
        const bool is_old =
            file.has_expiry ? age >= 0
                            : age > store.hosting->lifetime || (file.temporary && age > kAbandoned);
        if (is_old) {
            remove(file);
        }
        return is_old;
    });
    for (const Kept &file : all) {
        if (total > store.max && !file.must_stay) {
            remove(file);
        }
    }
    if (store.metrics_zone != nullptr) {
        ZoneMemory memory(store.metrics_zone, ZonePart::metrics, store.metrics_zone);
        const bool writable = access(store.hosting->directory.c_str(), W_OK | X_OK) == 0;
        Counters(memory).set_store(
            store.number, {static_cast<int64_t>(total), static_cast<int64_t>(all.size() - removed),
                           static_cast<int64_t>(store.max), writable ? 0 : 1, now});
    }
    if (removed > 0) {
        ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0, "image gateway: removed %uz images",
                      removed);
    }
}

extern "C" ngx_msec_t image_gateway_manage_store(void *data) {
    constexpr ngx_msec_t kInterval = 2'000;
    guard("store sweep", [=] { sweep_store(*static_cast<const ImageStore *>(data)); });
    return kInterval;
}

// ---- keys

std::vector<std::string> split_lines(const std::string &text) {
    std::vector<std::string> lines;
    size_t start = 0;
    while (start < text.size()) {
        const size_t end = std::min(text.find('\n', start), text.size());
        std::string line = text.substr(start, end - start);
        while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) {
            line.pop_back();
        }
        if (!line.empty()) {
            lines.push_back(std::move(line));
        }
        start = end + 1;
    }
    return lines;
}

std::string new_key() {
    const OpenSslErrors emptied;
    Sha256 bytes{};
    const bool drawn = RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1;
    return drawn ? to_hex(bytes) : std::string();
}

bool has_keys_of(const std::vector<std::string> &keys, size_t min) {
    return !keys.empty() && keys.size() <= 2 &&
           std::all_of(keys.begin(), keys.end(),
                       [=](const std::string &key) { return key.size() >= min; });
}

// Creates the store's own key. Also true if it exists already. Removes a partly written file.
bool make_own_key(const FileHandle &directory) {
    constexpr mode_t kSecret = 0600;
    FileHandle file(openat(directory.number(), kOwnKey,
                           O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kSecret));
    if (!file.is_open()) {
        return errno == EEXIST;
    }
    const std::string key = new_key() + "\n";
    const bool written = key.size() > kSoundKey && ::write(file.number(), key.data(), key.size()) ==
                                                       static_cast<ssize_t>(key.size());
    if (file.close() && written) {
        return true;
    }
    unlinkat(directory.number(), kOwnKey, 0);
    return false;
}

// Returns the store's own key, which is created if necessary, or the problem with it.
tl::expected<std::vector<std::string>, std::string> own_keys(const std::string &store) {
    const FileHandle directory = open_directory(store, true);
    if (!directory.is_open() || !make_own_key(directory)) {
        return tl::unexpected(std::string("cannot be created: ") + std::strerror(errno));
    }
    const auto text = load_own_secret(directory, kOwnKey);
    if (!text) {
        return tl::unexpected("is not trusted: " + text.error());
    }
    std::vector<std::string> keys = split_lines(*text);
    if (!has_keys_of(keys, kSoundKey)) {
        return tl::unexpected(
            std::string("must have one or two keys of at least 32 characters; if you remove the "
                        "file, a new key is created and earlier links become invalid"));
    }
    return keys;
}

}  // namespace

std::vector<std::string> read_store_keys(ngx_conf_t *cf, const std::string &path) {
    std::vector<std::string> keys = split_lines(read_file(cf, path));
    if (!has_keys_of(keys, kMinKey)) {
        throw ConfError{"\"" + path +
                        "\" must have one or two keys, one per line, of at least 16 characters"};
    }
    if (!has_keys_of(keys, kSoundKey)) {
        ngx_str_t name = to_ngx(path);
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"%V\" has a key of less than 32 characters, which may be guessed",
                           &name);
    }
    return keys;
}

namespace {

// nginx would also create the directory, and gives it to the workers. But its error message does
// not have the line of the configuration.
void make_directory(const std::string &directory) {
    constexpr mode_t kOwnersOnly = 0700;
    if (ngx_process != NGX_PROCESS_SIGNALLER && mkdir(directory.c_str(), kOwnersOnly) != 0 &&
        errno != EEXIST) {
        throw ConfError{"mkdir() \"" + directory + "\" failed: " + std::strerror(errno)};
    }
}

}  // namespace

std::unique_ptr<ImageStore> read_store(ngx_conf_t *cf) {
    constexpr ngx_uint_t kMaxWords = 5;
    auto store = std::make_unique<ImageStore>();
    if (is_bucket_address(to_view(arguments(cf)[1]))) {
        store->hosting = read_bucket_store(cf);
        return store;
    }
    if (cf->args->nelts > kMaxWords) {
        throw ConfError{"invalid number of arguments in \"image_gateway_store\" directive"};
    }
    store->hosting = std::make_shared<Hosting>();
    store->max = kDefaultMax;
    store->hosting->lifetime = kDefaultLifetime;
    std::string directory = full_path(cf, to_view(arguments(cf)[1]));
    while (directory.size() > 1 && directory.back() == '/') {
        directory.pop_back();
    }
    for (ngx_uint_t i = 2; i < cf->args->nelts; ++i) {
        std::string_view value;
        if (take_parameter(arguments(cf)[i], "max", value)) {
            store->max = parse_large_size_parameter(value);
        } else if (take_parameter(arguments(cf)[i], "ttl", value)) {
            store->hosting->lifetime = parse_time_parameter(value).count() / 1000;
            if (store->hosting->lifetime < 1) {
                throw ConfError{"ttl must be at least 1s"};
            }
        } else if (take_parameter(arguments(cf)[i], "rehost", value)) {
            if (value != "on" && value != "off") {
                throw ConfError{"invalid rehost \"" + std::string(value) +
                                "\", expected on or off"};
            }
            store->hosting->rehost = value == "on";
        } else {
            invalid_parameter(to_view(arguments(cf)[i]), "max=SIZE, ttl=TIME or rehost=on|off");
        }
    }
    make_directory(directory);
    auto *path = static_cast<ngx_path_t *>(ngx_pcalloc(cf->pool, sizeof(ngx_path_t)));
    auto *name = static_cast<u_char *>(ngx_pnalloc(cf->pool, directory.size() + 1));
    if (path == nullptr || name == nullptr) {
        throw ConfError{"no memory"};
    }
    ngx_memcpy(name, directory.c_str(), directory.size() + 1);
    path->name = {directory.size(), name};
    path->manager = image_gateway_manage_store;
    path->data = store.get();
    path->conf_file = cf->conf_file->file.name.data;
    path->line = cf->conf_file->line;
    store->path = path;
    if (ngx_add_path(cf, &store->path) != NGX_OK) {
        throw ConfError{"the directory \"" + directory + "\" is already used by another directive"};
    }
    if (store->path != path) {
        throw ConfError{"the store \"" + directory +
                        "\" is already defined by another image_gateway_store"};
    }
    store->hosting->directory = std::move(directory);
    return store;
}

bool prepare_store(ImageStore &store, ngx_log_t *log) {
    if (store.hosting->bucket != nullptr) {
        return true;
    }
    const auto has_keys = [](const auto &user) { return !user->keys.empty(); };
    if (std::all_of(store.users.begin(), store.users.end(), has_keys)) {
        return true;
    }
    const auto keys = own_keys(store.hosting->directory);
    if (!keys) {
        const std::string line = "the key of the store, \"" + store.hosting->directory + "/" +
                                 kOwnKey + "\", " + keys.error();
        ngx_str_t text = to_ngx(line);
        ngx_log_error(NGX_LOG_EMERG, log, 0, "image gateway: %V in %s:%ui", &text,
                      store.path->conf_file, store.path->line);
        return false;
    }
    for (const auto &user : store.users) {
        if (user->keys.empty()) {
            user->keys = *keys;
        }
    }
    return true;
}

}  // namespace gateway
