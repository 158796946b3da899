"""What the engine is given: a network with its clock, a disk, look-ups, clients of trackers, and where events go.

    network            ``Network``, ``Stream``, ``Listener``, ``Timer``: really ``net.loop.Loop``
    disk               ``Disk`` and the ``MetadataStore`` of a torrent: really ``disk.disk.Disk``
    storage            ``Storage``, the files of a torrent: really ``disk.storage.Storage``
    lookups            ``Lookups``: really ``net.lookups.Lookups``
    tracker_client     ``TrackerClient``, of which the engine has one for each scheme of URLs
    event_dispatcher   ``EventDispatcher``: really ``event_dispatcher.EventDispatcher`` of the package

Tests give simulated ones, and the same engine runs in virtual time.  The rule for every call here: it is made on the
network thread and returns at once, and its answer is delivered later, on the network thread, by calling ``deliver``;
never before the call has returned, so that no caller is called back in the middle of its own work.
"""
