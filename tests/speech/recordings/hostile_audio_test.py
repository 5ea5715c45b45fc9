"""Recordings that are made to harm: playlists, headers that ask for memory, and files that are cut off."""

import os
import shutil
import struct
import subprocess
import tempfile

import numpy as np
import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.recordings import audio
from bert_qa_tf.speech.recordings.transcribing import transcribe

soundfile = pytest.importorskip("soundfile", reason="needs requirements/speech.txt")
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg (apt install ffmpeg)")

# What a server must not tell: the sound of another file of its machine, by its path.
PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{path}\n#EXT-X-ENDLIST\n",
    "hls with a plain path": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{path}\n#EXT-X-ENDLIST\n",
    "hls with a key": (
        '#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXT-X-KEY:METHOD=AES-128,URI="file://{path}"\n#EXTINF:9,\nfile://{path}\n'
        "#EXT-X-ENDLIST\n"
    ),
    "dash": (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT5S"><Period><AdaptationSet contentType="audio"><Representation id="1" '
        'mimeType="audio/mp4" bandwidth="1"><BaseURL>file://{path}</BaseURL><SegmentList><SegmentURL '
        'media="file://{path}"/></SegmentList></Representation></AdaptationSet></Period></MPD>'
    ),
    "concat": "ffconcat version 1.0\nfile {name}\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=a\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\n",
    "image list": "file://{path}\n",
}


@pytest.fixture(scope="module")
def secret(tmp_path_factory):
    folder = tmp_path_factory.mktemp("secret")
    soundfile.write(folder / "secret.wav", tone(1), 16000)
    convert(folder / "secret.wav", folder / "secret.aac")
    return folder / "secret.aac"


@needs_ffmpeg
@pytest.mark.parametrize("playlist", PLAYLISTS.values(), ids=PLAYLISTS)
@pytest.mark.parametrize("name", ["recording", "a.m3u8", "a.mpd", "a.wav", "a.mp4"])
def test_a_playlist_is_no_recording(secret, tmp_path, playlist, name):
    shutil.copy(secret, tmp_path)
    (tmp_path / name).write_text(playlist.format(path=secret, name=secret.name), encoding="utf-8")
    with pytest.raises(InputError, match=r"cannot read this as audio \((\w+ is not accepted as a recording|ffmpeg: )"):
        audio.read_whole(tmp_path / name)


@needs_ffmpeg
def test_a_list_inside_of_a_known_container_opens_nothing(tmp_path):
    soundfile.write(tmp_path / "secret.wav", tone(1), 16000)
    convert(tmp_path / "secret.wav", tmp_path / "a.mp4")
    content = bytearray((tmp_path / "a.mp4").read_bytes())
    # The track's data lie in another file: a reference of the kind `url ` that is not to the file itself.
    at = content.index(b"url ")
    content[at : at + 8] = b"alis" + b"\0\0\0\0"
    (tmp_path / "a.mp4").write_bytes(content)
    samples = audio.read_whole(tmp_path / "a.mp4")  # of this file, whatever it refers to
    assert len(samples) > 0


@needs_ffmpeg
@pytest.mark.parametrize("ending", ["m4a", "webm", "aac", "mkv", "mp4", "avi", "wma", "ts"])
def test_formats_of_phones_and_browsers_come_through_the_pipe(tmp_path, ending):
    soundfile.write(tmp_path / "a.wav", tone(3), 16000)
    convert(tmp_path / "a.wav", tmp_path / f"a.{ending}")
    assert len(audio.read_whole(tmp_path / f"a.{ending}")) == pytest.approx(48000, rel=0.1)


@needs_ffmpeg
@pytest.mark.parametrize("options", [[], ["-movflags", "+faststart"]], ids=["at the end", "at the beginning"])
def test_the_index_of_an_mp4_may_be_anywhere(tmp_path, options):
    soundfile.write(tmp_path / "a.wav", tone(60), 16000)
    convert(tmp_path / "a.wav", tmp_path / "a.m4a", *options)
    content = (tmp_path / "a.m4a").read_bytes()
    assert (content.index(b"moov") > content.index(b"mdat")) == (not options)
    assert len(audio.read_whole(tmp_path / "a.m4a")) == pytest.approx(60 * 16000, rel=0.01)


@needs_ffmpeg
def test_pictures_and_subtitles_beside_the_sound_are_left_alone(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(2), 16000)
    (tmp_path / "a.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nhi\n", encoding="utf-8")
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=s=32x32:d=30", "-i", tmp_path / "a.wav"]
    command += ["-i", tmp_path / "a.srt", "-map", "0", "-map", "1", "-map", "2", tmp_path / "a.mkv"]
    subprocess.run(command, check=True)
    with audio.open_audio(tmp_path / "a.mkv") as stream:
        assert sum(map(len, stream.blocks)) == pytest.approx(32000, rel=0.05)
    assert stream.damage is None  # the picture lasts longer than the sound, which is no damage


# === Open files ===


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3"])
def test_a_file_without_a_name_is_read_from_its_beginning(tmp_path, ending):
    soundfile.write(tmp_path / f"a.{ending}", tone(2), 16000)
    named = audio.read_whole(tmp_path / f"a.{ending}")
    with tempfile.TemporaryFile() as file:
        file.write((tmp_path / f"a.{ending}").read_bytes())
        file.flush()
        assert (audio.read_whole(file) == named).all()
        if os.path.exists("/proc/self/fd"):
            assert (audio.read_whole(f"/proc/{os.getpid()}/fd/{file.fileno()}") == named).all()
        assert not file.closed


@needs_ffmpeg
def test_a_file_without_a_name_may_go_through_ffmpeg(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(2), 16000)
    convert(tmp_path / "a.wav", tmp_path / "a.m4a")
    with tempfile.TemporaryFile() as file:
        file.write((tmp_path / "a.m4a").read_bytes())
        file.flush()
        assert len(audio.read_whole(file)) == pytest.approx(32000, rel=0.1)


def test_what_is_no_regular_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, "/dev/zero"):
        with pytest.raises(InputError, match="no such file, expected a regular one"):
            audio.read_whole(path)
    with pytest.raises(InputError, match="cannot read this file"):
        audio.read_whole("a\0b")


# === Headers ===


def wav(rate_hz, channels, num_bytes, stated_bytes=None):
    stated = num_bytes if stated_bytes is None else stated_bytes
    width = 2 * channels
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate_hz, rate_hz * width % 2**32, width, 16)
    return (
        b"RIFF"
        + struct.pack("<I", 36 + stated)
        + b"WAVE"
        + form
        + struct.pack("<4sI", b"data", stated)
        + bytes(num_bytes)
    )


@pytest.mark.parametrize(
    ("rate_hz", "channels"),
    [(24_000_000, 1), (2**31 - 1, 1), (384_001, 1), (1, 1), (999, 2), (48_000, 255), (8000, 65)],
)
def test_a_header_that_asks_for_memory_is_refused(tmp_path, rate_hz, channels):
    (tmp_path / "a.wav").write_bytes(wav(rate_hz, channels, 2 * channels * 1000))
    with pytest.raises(InputError, match=rf"a\.wav: states {rate_hz:,} samples per second and {channels} channels"):
        audio.read_whole(tmp_path / "a.wav")


def test_a_block_is_small_however_many_channels_it_has(tmp_path):
    (tmp_path / "a.wav").write_bytes(wav(384_000, 64, 128 * 100_000))
    with audio.open_audio(tmp_path / "a.wav") as stream:
        sizes = [len(block) for block in stream.blocks]
    assert sum(sizes) == 100_000
    assert max(sizes) * 64 * 4 <= 8 * 2**20


@pytest.mark.parametrize("rate_hz", [44_056, 383_999, 11_027, 1_001])
def test_an_odd_rate_needs_no_long_filter(rate_hz):
    times = np.arange(2 * rate_hz) / rate_hz
    samples = audio.resample((8000 * np.sin(2 * np.pi * 200 * times)).astype(np.int16), rate_hz)
    assert len(samples) == pytest.approx(32000, abs=2)
    assert np.argmax(np.abs(np.fft.rfft(samples))) == pytest.approx(400, abs=1)


# === Cut off ===


class Deaf:
    settings = "deaf"
    punctuates = False

    def recognize(self, samples):
        return []


@pytest.mark.parametrize("ending", ["wav", "aiff", "au", "w64", "mp3"])
def test_a_recording_that_is_cut_to_a_third_says_so(tmp_path, ending):
    soundfile.write(tmp_path / "whole", tone(30), 16000, format=ending.upper())
    content = (tmp_path / "whole").read_bytes()
    path = tmp_path / f"a.{ending}"
    path.write_bytes(content[: len(content) // 3])

    transcript = transcribe(path, recognizer=Deaf())

    holds, states = (float(part.split(" s")[0].rsplit(" ", 1)[-1]) for part in transcript.damage.split(" of the "))
    assert (holds, states) == (pytest.approx(10, abs=0.8), pytest.approx(30, abs=0.5))
    assert transcript.to_json()["damage"] == transcript.damage
    assert transcribe(tmp_path / "whole", recognizer=Deaf()).damage is None


@needs_ffmpeg
@pytest.mark.parametrize("ending", ["m4a", "webm", "aac"])
def test_what_ffmpeg_finds_cut_off_says_so(tmp_path, ending):
    soundfile.write(tmp_path / "a.wav", tone(30), 16000)
    options = ["-movflags", "+faststart"] if ending == "m4a" else []
    convert(tmp_path / "a.wav", tmp_path / f"whole.{ending}", *options)
    content = (tmp_path / f"whole.{ending}").read_bytes()
    (tmp_path / f"a.{ending}").write_bytes(content[: len(content) // 3])
    assert "cut off" in transcribe(tmp_path / f"a.{ending}", recognizer=Deaf()).damage or ending == "aac"
    assert transcribe(tmp_path / f"whole.{ending}", recognizer=Deaf()).damage is None


def test_a_size_that_a_pipe_left_open_is_no_damage(tmp_path):
    (tmp_path / "a.wav").write_bytes(wav(16000, 1, 32000 * 3, stated_bytes=0xFFFFFFFF - 36))
    assert transcribe(tmp_path / "a.wav", recognizer=Deaf()).damage is None


def tone(secs):
    times = np.arange(int(16000 * secs)) / 16000
    # Not one note: packets that compress to a few bytes would all fit into the first third of a file.
    return 0.2 * np.sin(2 * np.pi * (300 * times + 40 * times**1.5)) + np.random.default_rng(0).normal(
        0, 0.02, len(times)
    )


def convert(source, target, *options):
    subprocess.run(["ffmpeg", "-v", "error", "-i", source, *options, target], check=True)
