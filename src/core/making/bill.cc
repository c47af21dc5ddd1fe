#include "core/making/bill.h"

#include <optional>

#include "core/providers/made_facts.h"

namespace gateway {

namespace {

Bill bill_of_call(const MadeCall &call, const Prepared &prepared, Tray &tray) {
    const ModelSpec &model = *prepared.spec;
    ImageResult result;
    static_cast<ImageWords &>(result) = call.words;
    result.usage = call.usage;
    result.cost = call.cost;
    size_t images = 0;
    for (const Slot &slot : tray.slots()) {
        if (slot.is_of(call.number) && images++ == 0) {
            take_truth(result, slot.image);
        }
    }
    const PricedCall priced = prepared.priced(*call.share);
    Bill bill;
    bill.cost = cost_of(result, images, priced, model);
    bill.counted = !call.usage;
    bill.usage =
        with_all_details(call.usage ? *call.usage : count_usage(result, images, priced, model));
    tray.share_usage(call.number, bill.usage);
    return bill;
}

}  // namespace

Bill bill_of(const Made &made, Tray &tray) {
    std::optional<Bill> all;
    for (const MadeCall &call : made.calls) {
        const Bill bill = bill_of_call(call, *made.prepared, tray);
        if (!all) {
            all = bill;
            continue;
        }
        all->cost += bill.cost;
        all->usage += bill.usage;
        all->counted = all->counted || bill.counted;
    }
    return all.value_or(Bill());
}

}  // namespace gateway
