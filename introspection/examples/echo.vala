// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright The Sonde contributors

// An echo server in the process: tuned while it runs, probed, and looked into.
//
// valac --pkg sonde-1 echo.vala

int main () {
    try {
        var settings = new Sonde.Settings ();
        settings.set_string ("ListenAddresses", "127.0.0.1:0");
        var server = new Sonde.Server ("echo", settings);
        server.start ();

        server.no_delay = true;

        string host;
        uint16 port;
        server.get_bound_addresses ().get_child (0, "(sq)", out host, out port);
        var measured = new Sonde.Probe (host, port).run ();
        print ("%s bytes came back\n",
               measured.lookup_value ("BytesReceived", null).get_uint64 ().to_string ());

        string option, scope, reason;
        Variant asked, effective, limit;
        var rows = server.get_option_report ().iterator ();
        while (rows.next ("(ssvvvs)",
                          out option, out scope, out asked, out effective, out limit, out reason)) {
            print ("%s (%s): asked %s, got %s: %s\n",
                   option, scope, asked.print (false), effective.print (false), reason);
        }

        server.stop ();
        return 0;
    } catch (Error error) {
        printerr ("%s\n", error.message);
        return 1;
    }
}
