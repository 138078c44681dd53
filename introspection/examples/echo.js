#!/usr/bin/gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright The Sonde contributors

// An echo server in the process: tuned while it runs, probed, and looked into.

import Gio from 'gi://Gio';
import Sonde from 'gi://Sonde?version=1';

Gio._promisify(Sonde.Probe.prototype, 'run_async');

const settings = new Sonde.Settings();
settings.set_string('ListenAddresses', '127.0.0.1:0');
const server = Sonde.Server.new('echo', settings);
server.start();

server.no_delay = true;

const [[host, port]] = server.get_bound_addresses().deepUnpack();
const measured = await Sonde.Probe.new(host, port).run_async(null);
print(measured.recursiveUnpack().BytesReceived, 'bytes came back');

for (const row of server.get_option_report().recursiveUnpack()) {
    const [option, scope, asked, effective, , reason] = row;
    print(`${option} (${scope}): asked ${asked}, got ${effective}: ${reason}`);
}

server.stop();
