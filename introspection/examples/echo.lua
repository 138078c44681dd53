#!/usr/bin/lua5.3
-- SPDX-License-Identifier: LGPL-2.1-or-later
-- Copyright The Sonde contributors

-- An echo server in the process: tuned while it runs, probed, and looked into.

local lgi = require 'lgi'
local Sonde = lgi.require('Sonde', '1')

local settings = Sonde.Settings.new()
assert(settings:set_string('ListenAddresses', '127.0.0.1:0'))
local server = assert(Sonde.Server.new('echo', settings))
assert(server:start())

server.no_delay = true

local address = server:get_bound_addresses():get_child_value(0).value
local measured = assert(Sonde.Probe.new(address[1], address[2]):run(nil))
print(('%d bytes came back'):format(measured:lookup_value('BytesReceived', nil).value))

for _, row in server:get_option_report():ipairs() do
  local option, scope, asked, effective, _, reason = table.unpack(row, 1, 6)
  print(('%s (%s): asked %s, got %s: %s'):format(
    option, scope, asked:print(false), effective:print(false), reason))
end

server:stop()
