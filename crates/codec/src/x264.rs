//! A thin safe wrapper over libx264: the parameters that live video needs, and nothing that reorders.
//!
//! The only unsafe file of the encoders. libx264's handle is owned here, its output is copied out once, and its
//! input planes are checked against the size that the handle was opened with.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};

use bytes::Bytes;
use footlight_media::Picture;
use footlight_media::h264::Colours;
use x264_sys::x264 as sys;

use crate::Error;

/// Everything that is set at open time.
pub(crate) struct Parameters {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) fps: u32,
    pub(crate) preset: &'static CStr,
    pub(crate) threads: u32,
    pub(crate) bitrate_kbps: u32,
    pub(crate) keyframe_interval: u32,
    pub(crate) colours: Colours,
}

/// How much the bitrate may be exceeded in a burst, as time at the bitrate: large enough for a keyframe, small
/// enough to drain before a viewer's jitter buffer grows.
const VBV_MS: u64 = 400;

pub(crate) struct Codec {
    handle: NonNull<sys::x264_t>,
    parameters: sys::x264_param_t,
}

// SAFETY: libx264 ties a handle to no thread; it is used by one at a time because every method takes `&mut`.
unsafe impl Send for Codec {}

impl Codec {
    pub(crate) fn open(wanted: &Parameters) -> Result<Self, Error> {
        let mut uninit = MaybeUninit::<sys::x264_param_t>::uninit();
        // SAFETY: both strings are NUL-terminated and static; the call fills the whole struct when it gives 0.
        let mut p = unsafe {
            let tune = c"zerolatency".as_ptr();
            if sys::x264_param_default_preset(uninit.as_mut_ptr(), wanted.preset.as_ptr(), tune) != 0 {
                return Err(Error::Encoder("preset"));
            }
            uninit.assume_init()
        };
        p.i_width = wanted.width as i32;
        p.i_height = wanted.height as i32;
        p.i_csp = sys::X264_CSP_I420 as i32;
        p.i_bitdepth = 8;
        p.i_fps_num = wanted.fps;
        p.i_fps_den = 1;
        p.i_timebase_num = 1;
        p.i_timebase_den = 90_000;
        p.b_vfr_input = 0;
        p.i_threads = wanted.threads as i32;
        p.i_log_level = sys::X264_LOG_ERROR as i32;
        p.i_keyint_max = wanted.keyframe_interval as i32;
        // A cut costs a large P frame instead of an unasked-for IDR, which is the same size but resets the ring.
        p.i_scenecut_threshold = 0;
        p.i_bframe = 0;
        p.b_annexb = 0;
        p.b_repeat_headers = 1;
        p.b_aud = 0;
        p.vui.i_colorprim = wanted.colours.primaries.into();
        p.vui.i_transfer = wanted.colours.transfer.into();
        p.vui.i_colmatrix = wanted.colours.matrix.into();
        p.vui.b_fullrange = wanted.colours.full_range.into();
        p.rc.i_rc_method = sys::X264_RC_ABR as i32;
        set_rate(&mut p, wanted.bitrate_kbps);
        // SAFETY: `p` was initialised above; the profile is a NUL-terminated literal.
        let handle = unsafe {
            if sys::x264_param_apply_profile(&mut p, c"baseline".as_ptr()) != 0 {
                return Err(Error::Encoder("profile"));
            }
            sys::x264_encoder_open(&mut p)
        };
        let handle = NonNull::new(handle).ok_or(Error::Encoder("open"))?;
        let mut settled = MaybeUninit::<sys::x264_param_t>::uninit();
        // SAFETY: the handle is open; the call fills the struct with the parameters as libx264 settled them.
        let parameters = unsafe {
            sys::x264_encoder_parameters(handle.as_ptr(), settled.as_mut_ptr());
            settled.assume_init()
        };
        Ok(Self { handle, parameters })
    }

    /// Takes effect with the next picture, without a keyframe.
    pub(crate) fn set_bitrate(&mut self, kbps: u32) -> Result<(), Error> {
        set_rate(&mut self.parameters, kbps);
        // SAFETY: the handle is open and the parameters are its own, changed only where reconfiguring may.
        let refused = unsafe { sys::x264_encoder_reconfig(self.handle.as_ptr(), &mut self.parameters) };
        if refused < 0 { Err(Error::Encoder("change the bitrate")) } else { Ok(()) }
    }

    /// One picture in, one access unit out and whether it is an IDR; `None` if libx264 keeps it.
    pub(crate) fn encode(
        &mut self,
        picture: &Picture,
        pts: i64,
        idr: bool,
    ) -> Result<Option<(Bytes, bool)>, Error> {
        let (width, height) = (self.parameters.i_width, self.parameters.i_height);
        if (picture.width() as i32, picture.height() as i32) != (width, height) {
            return Err(Error::Encoder("a picture of another size"));
        }
        let (luma, cb, cr) = picture.planes();
        let mut input = MaybeUninit::<sys::x264_picture_t>::uninit();
        // SAFETY: fills the whole struct.
        let mut input = unsafe {
            sys::x264_picture_init(input.as_mut_ptr());
            input.assume_init()
        };
        input.i_pts = pts;
        input.i_type = if idr { sys::X264_TYPE_IDR } else { sys::X264_TYPE_AUTO } as i32;
        input.img.i_csp = sys::X264_CSP_I420 as i32;
        input.img.i_plane = 3;
        for (i, (plane, stride)) in [(luma, width), (cb, width / 2), (cr, width / 2)].into_iter().enumerate()
        {
            // libx264 reads from the planes only, though it takes them as mutable.
            input.img.plane[i] = plane.as_ptr().cast_mut();
            input.img.i_stride[i] = stride;
        }
        let mut output = MaybeUninit::<sys::x264_picture_t>::uninit();
        let (mut nals, mut count) = (ptr::null_mut(), 0);
        // SAFETY: the handle is open, the planes have the size it was opened with (checked above) and outlive
        // the call; with zerolatency it keeps no reference to them. On success `nals` points to `count` NAL units
        // whose payloads lie one behind the other, `size` bytes in all, valid until the next call.
        unsafe {
            let size = sys::x264_encoder_encode(
                self.handle.as_ptr(),
                &mut nals,
                &mut count,
                &mut input,
                output.as_mut_ptr(),
            );
            if size < 0 {
                return Err(Error::Encoder("encode"));
            }
            if size == 0 || count == 0 {
                return Ok(None);
            }
            let data = std::slice::from_raw_parts((*nals).p_payload, size as usize);
            let idr = std::slice::from_raw_parts(nals, count as usize)
                .iter()
                .any(|nal| nal.i_type == sys::nal_unit_type_e_NAL_SLICE_IDR as i32);
            Ok(Some((Bytes::copy_from_slice(data), idr)))
        }
    }
}

impl Drop for Codec {
    fn drop(&mut self) {
        // SAFETY: the handle is open and this is its last use.
        unsafe { sys::x264_encoder_close(self.handle.as_ptr()) }
    }
}

fn set_rate(p: &mut sys::x264_param_t, kbps: u32) {
    p.rc.i_bitrate = kbps as i32;
    p.rc.i_vbv_max_bitrate = kbps as i32;
    p.rc.i_vbv_buffer_size = (u64::from(kbps) * VBV_MS / 1000).max(1) as i32;
}
