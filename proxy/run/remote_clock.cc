#include "proxy/run/remote_clock.h"

namespace proxy {

subunit::Time RemoteClock::when(subunit::Timestamp timestamp, subunit::Time arrival) {
  const subunit::Time theirs =
      std::chrono::seconds(timestamp.seconds) + std::chrono::nanoseconds(timestamp.nanoseconds);
  const subunit::Time difference = arrival - theirs;
  if (!ahead_ || difference < *ahead_ || difference > *ahead_ + kMaxDelay) ahead_ = difference;
  return theirs + *ahead_;
}

}  // namespace proxy
