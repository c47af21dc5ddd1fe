#include "nginx/shared_copy.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <type_traits>
#include <utility>

namespace gateway {

namespace {

// A new text never overwrites the text that the header refers to. So a worker that is killed while
// it publishes does not damage the copy.
struct CopyHeader {
    uint64_t magic = 0;
    uint64_t version = 0;  // 0: no text; what the master has read is the newest
    uint64_t place = 0;
    uint64_t size = 0;
    Fingerprint file;
    Sha256 hash{};
    Sha256 sum{};  // of all members above
};
static_assert(std::is_trivially_copyable_v<CopyHeader>);

constexpr uint64_t kCopyMagic = 0x31797063'77676769;
constexpr uint64_t kFirstPlace = 4096;

Sha256 sum_of(const CopyHeader &header) {
    return sha256({reinterpret_cast<const char *>(&header), offsetof(CopyHeader, sum)});
}

bool write_whole(int memory, const char *bytes, size_t count, uint64_t place) {
    while (count > 0) {
        const ssize_t written = pwrite(memory, bytes, count, static_cast<off_t>(place));
        if (written <= 0 && errno != EINTR) {
            return false;
        }
        const auto done = static_cast<size_t>(std::max<ssize_t>(written, 0));
        bytes += done;
        count -= done;
        place += done;
    }
    return true;
}

bool read_whole(int memory, char *bytes, size_t count, uint64_t place) {
    while (count > 0) {
        const ssize_t got = pread(memory, bytes, count, static_cast<off_t>(place));
        if (got == 0 || (got < 0 && errno != EINTR)) {
            return false;
        }
        const auto done = static_cast<size_t>(std::max<ssize_t>(got, 0));
        bytes += done;
        count -= done;
        place += done;
    }
    return true;
}

bool write_header(int memory, CopyHeader header) {
    header.magic = kCopyMagic;
    header.sum = sum_of(header);
    return write_whole(memory, reinterpret_cast<const char *>(&header), sizeof(header), 0);
}

// False if the header is not intact.
bool read_header(int memory, CopyHeader &header) {
    return read_whole(memory, reinterpret_cast<char *>(&header), sizeof(header), 0) &&
           header.magic == kCopyMagic && header.sum == sum_of(header);
}

void lose(int memory) {
    const CopyHeader lost;
    (void)write_whole(memory, reinterpret_cast<const char *>(&lost), sizeof(lost), 0);
}

// The place of a new text: before the current text if there is room, else after it.
uint64_t place_beside(const CopyHeader &now, size_t size) {
    const bool before = now.version == 0 || now.place >= kFirstPlace + size;
    return before ? kFirstPlace : now.place + now.size;
}

// A lock between processes. The kernel releases it when its holder dies.
class CopyLock {
 public:
    explicit CopyLock(int memory) : memory_(memory) {
        constexpr std::chrono::milliseconds kLook{5};
        constexpr int kLooks = 200;
        for (int i = 0; i < kLooks && !(held_ = set(F_WRLCK)); ++i) {
            std::this_thread::sleep_for(kLook);
        }
    }
    ~CopyLock() {
        if (held_) {
            (void)set(F_UNLCK);
        }
    }
    CopyLock(const CopyLock &) = delete;
    CopyLock &operator=(const CopyLock &) = delete;
    [[nodiscard]] bool is_held() const { return held_; }

 private:
    [[nodiscard]] bool set(short type) const {
        struct flock all {};
        all.l_type = type;
        all.l_whence = SEEK_SET;
        return fcntl(memory_, F_SETLK, &all) == 0;
    }

    int memory_;
    bool held_ = false;
};

}  // namespace

SharedCopy::SharedCopy(const std::string &text, const Fingerprint &file)
    : memory_(memfd_create("image-gateway", MFD_CLOEXEC)) {
    CopyHeader header;
    header.file = file;
    header.hash = sha256(text);
    if (memory_ < 0 || !write_header(memory_, header)) {
        const int why = errno;
        if (memory_ >= 0) {
            close(memory_);
        }
        throw std::runtime_error(std::string("cannot create memory that workers share: ") +
                                 std::strerror(why));
    }
}

SharedCopy::~SharedCopy() {
    close(memory_);
}

SharedCopy::Published SharedCopy::publish(const std::string &path, const std::string &text,
                                          const Seen &seen) {
    const CopyLock lock(memory_);
    if (!lock.is_held()) {
        lose(memory_);
        return Published::failed;
    }
    if (fingerprint_of(path) != seen.file) {
        return Published::outdated;
    }
    CopyHeader now;
    const bool whole = read_header(memory_, now);
    if (whole && now.hash == seen.hash && now.file == seen.file) {
        return Published::yes;
    }
    CopyHeader next;
    next.version = whole ? now.version + 1 : 1;
    next.place = whole ? place_beside(now, text.size()) : kFirstPlace;
    next.size = text.size();
    next.file = seen.file;
    next.hash = seen.hash;
    if (write_whole(memory_, text.data(), text.size(), next.place) && write_header(memory_, next)) {
        return Published::yes;
    }
    lose(memory_);
    return Published::failed;
}

SharedCopy::Newest SharedCopy::newest() const {
    constexpr int kTries = 3;  // another worker may overwrite it while we read
    for (int i = 0; i < kTries; ++i) {
        CopyHeader header;
        if (!read_header(memory_, header)) {
            continue;
        }
        if (header.version == 0) {
            return {Newest::State::original, {}, {header.file, header.hash}};
        }
        std::string text(header.size, '\0');
        if (read_whole(memory_, text.data(), text.size(), header.place) &&
            sha256(text) == header.hash) {
            return {Newest::State::published, std::move(text), {header.file, header.hash}};
        }
    }
    return {};
}

}  // namespace gateway
