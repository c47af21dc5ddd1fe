#include "nginx/picture_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "core/access/sha256.h"
#include "nginx/conf_error.h"
#include "nginx/files.h"
#include "nginx/guard.h"

namespace gateway {

namespace {

constexpr size_t kDefaultMax = size_t{1024} * 1024 * 1024;
constexpr int64_t kDefaultLifetime = 3600;
constexpr size_t kLeastKey = 16;
constexpr const char *kOwnKey = "/.key";

// ---- the cache manager's sweep, in a process of its own

struct Kept {
    std::string path;
    int64_t modified;
    size_t size;
};

bool is_temporary(const std::string &name) {
    return name.ends_with(".tmp");
}

void list_directory(const std::string &directory, std::vector<Kept> &into) {
    DIR *open = opendir(directory.c_str());
    if (open == nullptr) {
        return;
    }
    while (const dirent *entry = readdir(open)) {
        const std::string name(entry->d_name);
        struct stat status {};
        const std::string path = directory + "/" + name;
        const bool ours = is_picture_name(name) || is_temporary(name);
        if (ours && lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode)) {
            into.push_back({path, status.st_mtime, static_cast<size_t>(status.st_size)});
        }
    }
    closedir(open);
}

std::vector<Kept> list_store(const std::string &directory) {
    std::vector<Kept> all;
    DIR *open = opendir(directory.c_str());
    if (open == nullptr) {
        return all;
    }
    while (const dirent *entry = readdir(open)) {
        const std::string name(entry->d_name);
        if (name.size() == 2 && name != "..") {
            list_directory(directory + "/" + name, all);
        }
    }
    closedir(open);
    return all;
}

// The oldest go first: what is too old, then what is too much.
void sweep_store(const PictureStore &store) {
    std::vector<Kept> all = list_store(store.hosting->directory);
    std::sort(all.begin(), all.end(),
              [](const Kept &a, const Kept &b) { return a.modified < b.modified; });
    size_t total = 0;
    for (const Kept &file : all) {
        total += file.size;
    }
    const int64_t now = ngx_time();
    size_t removed = 0;
    for (const Kept &file : all) {
        constexpr int64_t kAbandoned = 600;  // what a killed worker was writing
        const int64_t age = now - file.modified;
        const bool old =
            age > store.hosting->lifetime || (is_temporary(file.path) && age > kAbandoned);
        if (!old && total <= store.max) {
            continue;
        }
        if (unlink(file.path.c_str()) == 0) {
            total -= file.size;
            ++removed;
        }
    }
    if (removed > 0) {
        ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0, "image gateway: removed %uz pictures",
                      removed);
    }
}

extern "C" ngx_msec_t image_gateway_manage_store(void *data) {
    constexpr ngx_msec_t kInterval = 2'000;
    guard("store sweep", [=] { sweep_store(*static_cast<const PictureStore *>(data)); });
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
    Sha256 bytes{};
    const bool drawn = RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1;
    return drawn ? to_hex(bytes) : std::string();
}

// False when it is there already, or cannot be made.
bool make_key_file(const std::string &path) {
    constexpr mode_t kSecret = 0600;
    const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kSecret);
    if (file < 0) {
        return errno == EEXIST;
    }
    const std::string key = new_key() + "\n";
    const bool written = key.size() > kLeastKey &&
                         ::write(file, key.data(), key.size()) == static_cast<ssize_t>(key.size());
    return close(file) == 0 && written;
}

}  // namespace

std::vector<std::string> read_store_keys(ngx_conf_t *cf, const std::string &path) {
    std::vector<std::string> keys = split_lines(read_file(cf, path));
    const bool good = !keys.empty() && keys.size() <= 2 &&
                      std::all_of(keys.begin(), keys.end(),
                                  [](const std::string &key) { return key.size() >= kLeastKey; });
    if (!good) {
        throw ConfError{"\"" + path +
                        "\" must hold one or two keys, each on a line of its own and at least 16 "
                        "characters long"};
    }
    return keys;
}

std::unique_ptr<PictureStore> read_store(ngx_conf_t *cf) {
    auto store = std::make_unique<PictureStore>();
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
                throw ConfError{"a ttl of less than a second"};
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
        throw ConfError{"the directory \"" + directory + "\" is used for something else"};
    }
    if (store->path != path) {
        throw ConfError{"the store \"" + directory + "\" is already described elsewhere"};
    }
    store->hosting->directory = std::move(directory);
    return store;
}

bool prepare_store(PictureStore &store, ngx_log_t *log) {
    const auto has_keys = [](const auto &user) { return !user->keys.empty(); };
    if (std::all_of(store.users.begin(), store.users.end(), has_keys)) {
        return true;
    }
    const std::string path = store.hosting->directory + kOwnKey;
    const auto text =
        make_key_file(path) ? load_file(path) : tl::unexpected(std::string("cannot be made"));
    const std::vector<std::string> keys = text ? split_lines(*text) : std::vector<std::string>();
    if (keys.empty()) {
        ngx_str_t name = to_ngx(path);
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "image gateway: cannot make or read the key of the store, \"%V\"", &name);
        return false;
    }
    for (const auto &user : store.users) {
        if (user->keys.empty()) {
            user->keys = keys;
        }
    }
    return true;
}

}  // namespace gateway
