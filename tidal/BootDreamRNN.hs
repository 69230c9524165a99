-- A whole boot file for TidalCycles 1.7.10 to 1.10 with dreams in its own stream: d1, once and all
-- the others both play and ask. Give it to your editor as its boot file. Or keep your own, and do
-- there what is marked (1), (2) and (3) here.

:set -XOverloadedStrings
:set prompt ""
:set prompt-cont ""

-- (1) First of all: loading a module makes ghci forget everything else. `dreamd install` says
-- where it has put the file; on Linux it is here.
:load ~/.config/tidal/DreamRNN.hs

import Sound.Tidal.Context
import Control.Concurrent (forkIO, threadDelay)
import System.IO (hSetEncoding, stdout, utf8)
import qualified Sound.Tidal.Transition as T

hSetEncoding stdout utf8
default (Pattern String, Integer, Double)

-- (2) `dreamrnn` joins SuperDirt in the list of those who hear the patterns. With less latency
-- SuperCollider would post "late" again and again in Tidal 1.7.
let dirt = superdirtTarget {oLatency = 0.1, oPort = 57120}
tidal <- startStream (defaultConfig {cVerbose = False}) [(dirt, [superdirtShape]), dreamrnn]

:{
let p = streamReplace tidal
    once = streamOnce tidal
    asap = once
    hush = streamHush tidal
    panic = hush >> once (sound "superpanic")
    only = (hush >>)
    all = streamAll tidal
    setcps = once . cps
    list = streamList tidal
    mute = streamMute tidal
    unmute = streamUnmute tidal
    unmuteAll = streamUnmuteAll tidal
    solo = streamSolo tidal
    unsolo = streamUnsolo tidal
    unsoloAll = streamUnsoloAll tidal
    nudgeAll = streamNudgeAll tidal
    resetCycles = streamResetCycles tidal
    d1 = p 1 . (|< orbit 0)
    d2 = p 2 . (|< orbit 1)
    d3 = p 3 . (|< orbit 2)
    d4 = p 4 . (|< orbit 3)
    d5 = p 5 . (|< orbit 4)
    d6 = p 6 . (|< orbit 5)
    d7 = p 7 . (|< orbit 6)
    d8 = p 8 . (|< orbit 7)
    d9 = p 9 . (|< orbit 8)
    d10 = p 10 . (|< orbit 9)
    d11 = p 11 . (|< orbit 10)
    d12 = p 12 . (|< orbit 11)
:}

:{
let change = transition tidal True
    xfade = change (T.xfadeIn 4)
    xfadeIn k cycles = change (T.xfadeIn cycles) k
    anticipate = change T.anticipate
    anticipateIn k cycles = change (T.anticipateIn cycles) k
    clutch = change T.clutch
    clutchIn k cycles = change (T.clutchIn cycles) k
    interpolate = change T.interpolate
    interpolateIn k cycles = change (T.interpolateIn cycles) k
    jump = change T.jump
    jumpIn k cycles = change (T.jumpIn cycles) k
    wait k cycles = change (T.wait cycles) k
    setI = streamSetI tidal
    setF = streamSetF tidal
    setS = streamSetS tidal
:}

-- (3) The names that dreams.tidal uses: one dream, one after the other until `asking silence`, and
-- what steers a dream without end. d1 and the others do all of this too.
let ask = once
let asking = askingWith (p "asking") once
let steering = p "steering"

-- Requests that come to nothing are told here, and so is a daemon that is not there. (Where ghci says
-- that the package network is hidden, they are not; `cabal install --lib network` shows it.)
import qualified Control.Exception
import qualified Data.ByteString.Char8
import qualified Network.Socket
import qualified Network.Socket.ByteString
import qualified System.Timeout

:{
dreamtell :: IO ()
dreamtell = do
  let hints = Network.Socket.defaultHints {Network.Socket.addrSocketType = Network.Socket.Datagram}
      (host, port) = (oAddress dreamrnnTarget, show (oPort dreamrnnTarget))
  daemon : _ <- Network.Socket.getAddrInfo (Just hints) (Just host) (Just port)
  socket <- Network.Socket.openSocket daemon
  Network.Socket.connect socket (Network.Socket.addrAddress daemon)
  dreamhear socket (host ++ ":" ++ port) True True Data.ByteString.Char8.empty

-- Says that this is a client, in each silence anew, and hears what failed: whether there is such a
-- silence, whether the daemon was there, and the last line, which is not told again at once.
dreamhear
  :: Network.Socket.Socket -> String -> Bool -> Bool -> Data.ByteString.Char8.ByteString -> IO ()
dreamhear socket place silent there told = do
  heard <- Control.Exception.try (do
    if silent
      then Network.Socket.ByteString.sendAll socket
        (Data.ByteString.Char8.pack "/dream/notify\0\0\0,i\0\0\0\0\0\1")
      else return ()
    System.Timeout.timeout 2000000 (Network.Socket.ByteString.recv socket 65536))
  case heard of
    Left gone -> do
      if there
        then putStrLn ("DreamRNN: no dreamd answers at " ++ place ++ "; start one: dreamd run")
        else return ()
      threadDelay 2000000
      const (dreamhear socket place True False told) (gone :: Control.Exception.IOException)
    Right Nothing -> dreamhear socket place True True Data.ByteString.Char8.empty
    Right (Just packet) -> do
      let line = dreamfailure packet
          new = line /= told && not (Data.ByteString.Char8.null line)
      if new then Data.ByteString.Char8.putStrLn line else return ()
      dreamhear socket place False True (if new then line else told)

-- The line of a /dream/failed, empty for anything else and for what was cancelled.
dreamfailure :: Data.ByteString.Char8.ByteString -> Data.ByteString.Char8.ByteString
dreamfailure packet
  | failed && code /= Data.ByteString.Char8.pack "cancelled" = Data.ByteString.Char8.concat
      [Data.ByteString.Char8.pack "DreamRNN: ", code, Data.ByteString.Char8.pack ": ", text]
  | otherwise = Data.ByteString.Char8.empty
  where
    failed = Data.ByteString.Char8.isPrefixOf
      (Data.ByteString.Char8.pack "/dream/failed\0\0\0,iss\0\0\0\0") packet
    word = Data.ByteString.Char8.takeWhile (/= '\0')
    code = word (Data.ByteString.Char8.drop 28 packet)
    text = word (Data.ByteString.Char8.drop
      (28 + 4 * (Data.ByteString.Char8.length code `div` 4 + 1)) packet)
:}

dreamtold <- forkIO dreamtell
System.Environment.setEnv "DREAMRNN_TOLD" "yes"

:set prompt "tidal> "
