#include "state/check_file.h"

namespace gateway {

tl::expected<void, StateProblem> check_file(const std::string &path,
                                            const std::function<bool()> &is_over) {
    auto database = Database::open_to_read(path);
    if (!database) {
        return tl::unexpected(std::move(database.error()));
    }
    database->interrupt_when(is_over);
    Statement check = database->prepare("PRAGMA quick_check(1)");
    if (check.next() == Statement::Step::failed) {
        return is_over && is_over() ? tl::expected<void, StateProblem>()
                                    : tl::unexpected(database->problem());
    }
    const std::string found = check.text(0);
    return found == "ok" ? tl::expected<void, StateProblem>()
                         : tl::unexpected(StateProblem{found, StateProblem::Kind::damaged});
}

}  // namespace gateway
