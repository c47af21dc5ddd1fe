// A stream to a server that does what the test says, in pieces of any size.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "redis/byte_stream.h"
#include "redis/resp.h"

namespace gateway {

class FakeStreams final : public ByteStreams {
 public:
    struct Connection {
        StreamListener *listener = nullptr;  // null: closed by the client
        std::string sent;                    // and not read by the test
        RespReader reader;
        bool open = false;
    };

    std::unique_ptr<ByteStream> open(StreamListener &listener) override {
        connections.push_back(std::make_shared<Connection>());
        connections.back()->listener = &listener;
        return std::make_unique<Stream>(connections.back());
    }

    [[nodiscard]] Connection &last() const { return *connections.back(); }
    [[nodiscard]] bool is_open() const {
        return !connections.empty() && last().listener != nullptr;
    }
    void accept() {
        last().open = true;
        last().listener->on_open();
    }
    void refuse(const std::string &why) { last().listener->on_end(why); }
    // Commands that were sent and not taken yet, as lists of words.
    std::vector<std::vector<std::string>> take() {
        std::vector<std::vector<std::string>> commands;
        const std::string sent = std::exchange(last().sent, {});
        std::string_view bytes = sent;
        while (auto command = last().reader.next(bytes)) {
            auto &words = commands.emplace_back();
            for (const RespValue &word : command->list) {
                words.push_back(word.text);
            }
        }
        EXPECT_FALSE(last().reader.is_broken());
        return commands;
    }
    void reply(std::string_view bytes) const {
        const auto connection = connections.back();
        while (!bytes.empty() && connection->listener != nullptr) {
            const std::string_view one = bytes.substr(0, piece);
            bytes.remove_prefix(one.size());
            connection->listener->on_bytes(one);
        }
    }

    size_t piece = 1'000'000;
    std::vector<std::shared_ptr<Connection>> connections;

 private:
    struct Stream final : ByteStream {
        explicit Stream(std::shared_ptr<Connection> made) : connection(std::move(made)) {}
        ~Stream() override { connection->listener = nullptr; }
        void send(std::string_view bytes) override {
            EXPECT_TRUE(connection->open) << "nothing is sent before the connection is there";
            connection->sent.append(bytes);
        }
        std::shared_ptr<Connection> connection;
    };
};

}  // namespace gateway
