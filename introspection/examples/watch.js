#!/usr/bin/gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright The Sonde contributors

// What a program with a main loop hears of its server: states and connections
// as signals, and everything that takes its time as a promise.

import Gio from 'gi://Gio';
import Sonde from 'gi://Sonde?version=1';

Gio._promisify(Sonde.Server.prototype, 'start_async');
Gio._promisify(Sonde.Server.prototype, 'drain_async');
Gio._promisify(Sonde.Probe.prototype, 'run_async');

const STATES = ['stopped', 'listening', 'draining', 'failed'];
const ENDS = ['closed', 'reset', 'timed out'];

const server = new Sonde.Server({
    name: 'watched',
    listenAddresses: ['localhost:0'],
    watchConnections: true,
});
server.connect('notify::state', () => print(`now ${STATES[server.state]}`));
server.connect('connection-opened', (_server, id, address) =>
    print(`${id} opened from ${address}`));
server.connect('connection-closed', (_server, id, end, received, sent) =>
    print(`${id} ${ENDS[end]}: ${received} bytes came, ${sent} went`));

await server.start_async(null);
const [[host, port]] = server.get_bound_addresses().deepUnpack();
await Sonde.Probe.new(host, port).run_async(null);
await server.drain_async(5000000, null);
