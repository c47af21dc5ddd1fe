// AUTOMATIC1111's web UI, Forge and servers with the same API /sdapi/v1: JSON in, base64 out, in
// one long request. Such a server runs one job at a time, and can only be told to stop whichever
// job runs. So the gateway cancels nothing there.
// Facts: modules/api of AUTOMATIC1111 1.10 and of Forge, 2025-06-26.
#pragma once

#include "core/providers/dialect.h"

namespace gateway {

class Automatic1111 final : public Dialect {
 public:
    Automatic1111();
    [[nodiscard]] Work begin(const ProviderRequest &request) const override;
    [[nodiscard]] Outcome read(const HttpResponse &response) const override;
};

}  // namespace gateway
