// The directive image_gateway_accounts: where limits and budgets are counted.
#pragma once

#include "nginx/byte_connection.h"
#include "redis/redis_accounts.h"

namespace gateway {

struct MainConf;

struct AccountsRules {
    RedisAccounts::Settings redis;
    StreamTarget target;
};

void read_accounts(ngx_conf_t *cf, MainConf &main);

}  // namespace gateway
