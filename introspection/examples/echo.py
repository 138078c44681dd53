#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""An echo server in the process: tuned while it runs, probed, and looked into."""

import gi

gi.require_version('Sonde', '1')
from gi.repository import Sonde

settings = Sonde.Settings()
settings.set_string('ListenAddresses', '127.0.0.1:0')
server = Sonde.Server.new('echo', settings)
server.start()

server.props.no_delay = True

host, port = server.get_bound_addresses()[0]
measured = Sonde.Probe.new(host, port).run()
print(measured['BytesReceived'], 'bytes came back')

for option, scope, asked, effective, limit, reason in server.get_option_report():
    print(f'{option} ({scope}): asked {asked}, got {effective}: {reason}')

server.stop()
